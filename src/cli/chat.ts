/** @file `sluice chat`: a conversation with a language model in the terminal. Lines come from the keyboard or through a pipe. Node-only. */
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import type { Chat } from "../tasks/language/chat.ts";
import { newCommand, wholeNumber } from "./command.ts";
import { addGeneralFlags, type GeneralFlags } from "./flags.ts";
import { addDrawFlags, type DrawFlags, drawOptions, openLanguage, unknownPolicy } from "./language-flags.ts";
import { checkOutput } from "./paths.ts";
import type { Session } from "./session.ts";
import { unknownNote } from "./show.ts";

interface Flags extends DrawFlags, GeneralFlags {
  you?: string;
  me?: string;
  length?: number;
  load?: string;
}

const help = `
The model answers as it learnt to from its training text: one line a turn, yours marked "> "
and the model's "< " (or "A: " and "B: "; --you and --me name other marks). What was said is
carried in the state, so it costs the same however long the conversation gets.
${unknownPolicy}

In the conversation:
  /undo          take back your last line and its answer
  /reset         forget everything that was said
  /fork          keep this point; /back returns to it (each fork once)
  /save <file>   write the state; --load <file> takes it up with the same model
  /quit          end (or Ctrl-D)

Examples:
  $ sluice chat lm.safetensors
  $ printf 'hello\\nhow are you\\n' | sluice chat lm.safetensors --greedy
  $ sluice chat lm.safetensors --you "Q: " --me "A: " --load yesterday.state`;

export function command(session: Session): Command {
  const verb = newCommand("chat", "A conversation with a language model that was trained on dialogue.")
    .argument("<model>", "model file")
    .option("--you <mark>", "what your lines begin with in the training text; default: as found there")
    .option("--me <mark>", "what the model's lines begin with")
    .option("--length <tokens>", "longest answer; default 400", wholeNumber("--length"))
    .option("--load <file>", "take up a state that /save wrote");
  addDrawFlags(verb);
  return addGeneralFlags(verb, "the turns")
    .addHelpText("after", help)
    .action((model: string, flags: Flags) => talk(model, flags, session));
}

async function talk(path: string, flags: Flags, session: Session): Promise<void> {
  const { you, me } = flags;
  if ((you === undefined) !== (me === undefined)) throw new SluiceError("usage", `${you === undefined ? "--me is given without --you" : "--you is given without --me"}, expected both`);
  const [model, { Chat }] = await Promise.all([openLanguage(path, "chat", flags), import("../tasks/language/chat.ts")]);
  let chat = Chat.open(model, { marks: you !== undefined && me !== undefined ? { you, me } : undefined, weights: flags.weights ?? "f32" });
  if (flags.load !== undefined) chat.rewind((await import("../formats/files.ts")).readBytes(flags.load));
  const forks: Chat[] = [];
  const turns: { you: string; answer: string }[] = [];
  const seeded = { ...drawOptions(flags), ...(flags.length === undefined ? {} : { length: flags.length }) };
  const terminal = process.stdin.isTTY === true;
  const keyboard = createInterface({ input: process.stdin, ...(terminal ? { output: process.stderr } : {}), terminal });
  if (terminal) session.say("/undo, /reset, /fork, /back, /save <file>, /quit; --help says more");
  const ask = (): void => {
    if (!terminal) return;
    keyboard.setPrompt("> ");
    keyboard.prompt();
  };
  ask();
  for await (const line of keyboard) {
    const text = line.trim();
    if (text === "/quit") break;
    if (text.startsWith("/")) {
      const next = await obey(text, chat, forks, path, session);
      chat = next;
    } else if (text !== "") {
      const first = turns.length === 0 ? { seed: flags.seed ?? 1 } : {};
      turns.push({ you: text, answer: answer(chat, text, { ...seeded, ...first }, session) });
    }
    ask();
  }
  keyboard.close();
  session.result({ task: "language", model: path, turns });
}

function answer(chat: Chat, text: string, options: object, session: Session): string {
  const out = session.json ? process.stderr : process.stdout;
  let said = "";
  const pieces = chat.say(text, options);
  for (;;) {
    const { value, done } = pieces.next();
    if (done) {
      out.write("\n");
      if (value.unknown > 0) session.say(unknownNote(value.unknown, chat.tokenKind));
      return said;
    }
    out.write(value);
    said += value;
  }
}

/** A line that begins with a slash; returns the conversation to go on with. What cannot be done is said, and the conversation goes on. */
async function obey(line: string, chat: Chat, forks: Chat[], model: string, session: Session): Promise<Chat> {
  const [verb = "", ...rest] = line.split(/\s+/);
  const file = rest.join(" ");
  switch (verb) {
    case "/undo":
      session.say(chat.undo() ? "taken back" : "there is nothing to take back");
      return chat;
    case "/reset":
      chat.reset();
      session.say("everything is forgotten");
      return chat;
    case "/fork":
      forks.push(chat.fork());
      session.say(`kept; /back returns here (${forks.length} kept)`);
      return chat;
    case "/back": {
      const before = forks.pop();
      session.say(before ? "back" : "no fork is kept");
      return before ?? chat;
    }
    case "/save":
      try {
        checkOutput("/save", file, [model]);
        (await import("../formats/files.ts")).writeAtomic(file, chat.snapshot());
        session.say(`state  ${file}`);
      } catch (error) {
        if (!(error instanceof SluiceError)) throw error;
        session.warn(error.message);
      }
      return chat;
    default:
      session.say(`${verb} is no command, expected /undo, /reset, /fork, /back, /save <file> or /quit`);
      return chat;
  }
}
