/**
 * @file Dialogue as lines: each begins with the mark of who speaks, `> ` for you and `< ` for the model, or `A: ` and `B: `; what speaker
 * comes second is who the model plays. Runs in browsers.
 */
import type { DialogueMarks } from "./model.ts";

const known: readonly DialogueMarks[] = [
  { you: "> ", me: "< " },
  { you: "A: ", me: "B: " },
  { you: "Q: ", me: "A: " },
  { you: "User: ", me: "Bot: " },
];

/** The marks of a text of which nearly every line is somebody's, and both speak; null where it is no dialogue. */
export function dialogueMarks(text: string): DialogueMarks | null {
  const lines = text.slice(0, 500_000).split("\n").filter((line) => line.trim() !== "");
  for (const marks of known) {
    const count = (mark: string) => lines.filter((line) => line.startsWith(mark)).length;
    const [you, me] = [count(marks.you), count(marks.me)];
    if (you > 0 && me > 0 && you + me >= 0.95 * lines.length) return marks;
  }
  return null;
}
