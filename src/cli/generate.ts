/** @file `sluice generate`: a language model writes on from a prompt. Node-only. */
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import { newCommand, wholeNumber } from "./command.ts";
import { addGeneralFlags, type GeneralFlags } from "./flags.ts";
import { addDrawFlags, type DrawFlags, drawOptions, openLanguage, unknownPolicy } from "./language-flags.ts";
import type { Session } from "./session.ts";
import { unknownNote } from "./show.ts";

interface Flags extends DrawFlags, GeneralFlags {
  prompt?: string;
  length?: number;
  lines?: number;
  stop?: string[];
  beam?: number;
}

const help = `
The text goes to stdout as it is written, the prompt in front of it. Without a prompt it
begins as a line begins. A model of separate lines (names) writes --lines of them.
${unknownPolicy}

Examples:
  $ sluice generate lm.safetensors --prompt "ROMEO:" --length 500 --temperature 0.8 --seed 1
  $ sluice generate names.safetensors --lines 10
  $ sluice generate lm.safetensors --prompt "The meaning of life is" --stop . --top-p 0.9
  $ sluice generate lm.safetensors --prompt "To be" --beam 5 --length 40 --json`;

export function command(session: Session): Command {
  const verb = newCommand("generate", "Writes on from a prompt, with a language model.")
    .argument("<model>", "model file")
    .option("--prompt <text>", "what the text begins with")
    .option("--length <tokens>", "tokens to write at most; default 500", wholeNumber("--length"))
    .option("--lines <n>", "lines to write, with a model of separate lines; default 1", wholeNumber("--lines"))
    .option("--stop <text>", "end before this text; repeat it for several", (text: string, before: string[] = []) => [...before, text])
    .option("--beam <width>", "the likeliest texts that a beam of this width finds, instead of a drawn one", wholeNumber("--beam"));
  addDrawFlags(verb);
  return addGeneralFlags(verb, "the text")
    .addHelpText("after", help)
    .action((model: string, flags: Flags) => generateFile(model, flags, session));
}

/** @throws usage: a beam draws nothing, so that a flag which says how to draw cannot be meant */
function refuseDrawing(flags: Flags): void {
  const drawing = ["temperature", "greedy", "topK", "topP", "minP", "repetitionPenalty", "seed", "weights", "lines"] as const;
  const given = drawing.find((name) => flags[name] !== undefined);
  if (given === undefined) return;
  const flag = given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new SluiceError("usage", `--${flag} is given with --beam, expected one of the two; a beam looks for the likeliest text and draws nothing`);
}

async function generateFile(path: string, flags: Flags, session: Session): Promise<void> {
  const { prompt = "", length = 500, lines = 1, stop = [], beam, seed = 1 } = flags;
  if (stop.includes("")) throw new SluiceError("usage", `--stop is "", expected a text that is not empty`);
  if (beam !== undefined) refuseDrawing(flags);
  const model = await openLanguage(path, "generate", flags);
  const began = performance.now();
  if (beam !== undefined) {
    const { beamSearch } = await import("../tasks/language/beam.ts");
    const texts = beamSearch(model, prompt, { width: beam, length, stop });
    for (const { text, logProbability } of texts) session.show(`${logProbability.toFixed(3)}  ${prompt}${text}`);
    session.result({ task: "language", model: path, prompt, texts, seconds: (performance.now() - began) / 1000 });
    return;
  }
  const writer = model.session({ weights: flags.weights ?? "f32" });
  const { unknown } = writer.feed(prompt);
  if (unknown > 0) session.say(unknownNote(unknown, model.tokenizer.kind));
  const out = session.json ? process.stderr : process.stdout;
  out.write(prompt);
  const pieces = writer.stream({ ...drawOptions(flags), length, stop, lines, seed });
  for (;;) {
    const { value, done } = await pieces.next();
    if (!done) {
      out.write(value);
      continue;
    }
    out.write("\n");
    const seconds = (performance.now() - began) / 1000;
    session.say(`${value.tokens} tokens, ${Math.round(value.tokens / seconds)} a second`);
    session.result({ task: "language", model: path, prompt, ...value, seconds });
    return;
  }
}
