/** @file `sluice translate`: texts from the command line, a file or a pipe, one translation a line. Node-only. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import type { Translation, Translator } from "../tasks/translate/translator.ts";
import { newCommand } from "./command.ts";
import { addGeneralFlags, type GeneralFlags } from "./flags.ts";
import { checkPicture } from "./paths.ts";
import { addSearchFlags, type SearchFlags, searchOptions } from "./search-flags.ts";
import type { Session } from "./session.ts";
import { unknownNote } from "./show.ts";

interface Flags extends GeneralFlags, SearchFlags {
  file?: string;
  nBest?: boolean;
  align?: string;
  cut?: boolean;
}

const help = `
Without a text, lines are read from --file or from standard input, and a line is answered by
a line; an empty one by an empty one. Texts of more tokens than the model reads are refused
with their number, or lose their end with --cut, which is said. What the model has never
seen is read as an unknown token and copied where the translation needs it.
A score is the log probability of all tokens, divided by a power of the length; higher is
better.

Examples:
  $ sluice translate de-en.safetensors "ein mann fährt fahrrad"
  $ sluice translate de-en.safetensors "ein mann fährt fahrrad" --beam 10 --n-best
  $ sluice translate de-en.safetensors "ein mann fährt fahrrad" --align align.svg
  $ sluice translate de-en.safetensors --file test.de > test.hyp
  $ cat test.de | sluice translate de-en.safetensors --beam 1`;

export function command(session: Session): Command {
  const verb = newCommand("translate", "Translates texts.")
    .argument("<model>", "model file")
    .argument("[text...]", "what to translate; default: lines of --file or standard input")
    .option("--file <file>", "texts to translate, one a line, UTF-8")
    .option("--n-best", "all hypotheses of the beam with their scores")
    .option("--align <file.svg>", "picture of what each token was made from; one text only")
    .option("--cut", "cut texts that are too long instead of refusing them");
  addSearchFlags(verb);
  return addGeneralFlags(verb, "the translations")
    .addHelpText("after", help)
    .action((model: string, text: string[], flags: Flags) => translateTexts(model, text, flags, session));
}

async function translateTexts(path: string, words: string[], flags: Flags, session: Session): Promise<void> {
  if (words.length > 0 && flags.file !== undefined) throw new SluiceError("usage", "translate: a text and --file are given, expected one of them");
  if (flags.align !== undefined) checkPicture("--align", flags.align, [path, ...(flags.file === undefined ? [] : [flags.file])]);
  const [{ openModel }, { machineEngine }, { Translator }] = await Promise.all([import("./model-file.ts"), import("./engine.ts"), import("../tasks/translate/translator.ts")]);
  const file = openModel(path, "translate", "translate");
  const lines = words.length > 0 ? [words.join(" ")] : flags.file === undefined && process.stdin.isTTY ? null : await linesFrom(flags.file);
  const model = Translator.fromFile(file, machineEngine(flags.threads), path);
  const began = performance.now();
  if (lines === null) return talk(model, flags, session);
  if (flags.align !== undefined && lines.length !== 1) throw new SluiceError("usage", `--align is given with ${lines.length} texts, expected one; a picture is of one text`);
  const all = answer(model, lines, flags, session);
  for (const translation of all) print(translation, flags, session);
  if (flags.align !== undefined) await draw(flags.align, lines[0]!, all[0] ?? null, model, session);
  const seconds = (performance.now() - began) / 1000;
  if (lines.length > 1) session.say(`${lines.length} lines, ${Math.round(lines.length / seconds)} a second`);
  session.result({
    ...{ task: "translate", model: path, seconds },
    translations: all.map((t, i) => t && { source: lines[i], text: t.text, score: t.score, logProbability: t.logProbability, complete: t.complete, unknown: t.unknown, cut: t.cut, ...(flags.nBest ? { nBest: t.best } : {}) }),
  });
}

async function linesFrom(path: string | undefined): Promise<string[]> {
  const { decodeText, linesOf, readLines } = await import("../text/index.ts");
  return path === undefined ? linesOf(decodeText(readFileSync(0), "standard input")) : readLines(path);
}

/** A translation for each line that holds anything, null for the others. */
function answer(model: Translator, lines: readonly string[], flags: Flags, session: Session): (Translation | null)[] {
  const full = lines.map((_, i) => i).filter((i) => lines[i]!.trim() !== "");
  const found = model.translate(full.map((i) => lines[i]!), { ...searchOptions(flags), align: flags.align !== undefined, cut: flags.cut ?? false });
  const out = lines.map((): Translation | null => null);
  for (const [n, i] of full.entries()) out[i] = found[n]!;
  const unknown = found.reduce((n, t) => n + t.unknown, 0);
  const cut = found.filter((t) => t.cut).length;
  if (unknown > 0) session.say(unknownNote(unknown, model.source.kind));
  if (cut > 0) session.say(`note: ${cut === 1 ? "1 text was too long and lost its end" : `${cut} texts were too long and lost their ends`}`);
  return out;
}

function print(translation: Translation | null, { nBest }: Flags, session: Session): void {
  if (!nBest || translation === null) session.show(translation?.text ?? "");
  else for (const { text, score, complete } of translation.best) session.show(`${score.toFixed(4)}  ${text}${complete ? "" : " …"}`);
}

async function draw(path: string, source: string, translation: Translation | null, model: Translator, session: Session): Promise<void> {
  if (!translation?.alignment) {
    const why = translation === null ? "the text is empty" : "the model has no attention";
    throw new SluiceError("data", `--align: ${why}, expected a text and a model with attention (${model.config.network.attention})`);
  }
  const [{ alignmentSvg }, { writeAtomic }] = await Promise.all([import("../plot/alignment.ts"), import("../formats/files.ts")]);
  const { alignment, text } = translation;
  writeAtomic(path, new TextEncoder().encode(alignmentSvg({ title: text, subtitle: source, ...alignment })));
  session.say(`plot  ${path}`);
}

/** Line by line, at a terminal. */
async function talk(model: Translator, flags: Flags, session: Session): Promise<void> {
  const { createInterface } = await import("node:readline");
  session.say("one text a line; Ctrl-D ends");
  for await (const line of createInterface({ input: process.stdin })) {
    for (const translation of answer(model, [line], flags, session)) print(translation, flags, session);
  }
}
