/**
 * @file `npm run bench -- translate --attention additive,none --minutes 42`: Multi30k German to English beside the repository, trained once with a
 * fixed seed within its time, chosen by validation loss, the test files of 2016 scored once in the end, and how fast a beam of five is.
 * `--model de-en.safetensors` only scores. Runs on the native backend where there is one.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { decodeModel, encodeModel, writeAtomic } from "../src/formats/node.ts";
import { createEngine } from "../src/index.ts";
import { type TranslateOptions, type TranslateTexts, train, Translator } from "../src/tasks/translate/index.ts";
import { bleu, linesOf } from "../src/text/index.ts";
import { flags } from "./shared/flags.ts";

const { attention, minutes, seed, model: given, part } = flags({ attention: "additive,none", minutes: 42, seed: 1, model: "", part: "test_2016_flickr" });
const folder = join("..", "shared", "data", "translation", "multi30k");
const out = join("bench", "out");
/** What must be reached, and what is aimed at. */
const due: Record<string, string> = { additive: "28.3 or above, aim 33", none: "20 or above" };
/** Beside the defaults; without attention less is learnt in the time, so less is hidden. */
const settings: Record<string, TranslateOptions> = { none: { dropout: 0.3, inputDropout: 0.2 } };

const read = (name: string) => ({
  source: linesOf(readFileSync(join(folder, `${name}.lc.norm.tok.de`), "utf8")),
  target: linesOf(readFileSync(join(folder, `${name}.lc.norm.tok.en`), "utf8")),
});
const load = () => `${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)}`;
/** Seconds of wall and processor time of what `f` does. */
function timed<R>(f: () => R): { result: R; wall: number; processor: number } {
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  const result = f();
  const { user, system } = process.cpuUsage(cpu);
  return { result, wall: (performance.now() - began) / 1000, processor: (user + system) / 1e6 };
}

/** BLEU both ways of cutting words: sacreBLEU's, and at the spaces that the files have already. */
function score(model: Translator): void {
  const { source, target } = read(part);
  for (const beam of [1, 5]) {
    const { result, wall, processor } = timed(() => model.translate(source, { beam }).map(({ text }) => text));
    const [usual, spaces] = [bleu(result, target), bleu(result, target, { tokenize: "none" })];
    console.log(`  ${part}, beam ${beam}: BLEU ${usual.score.toFixed(2)} (${usual.signature}), at spaces ${spaces.score.toFixed(2)}; ${source.length} sentences in ${wall.toFixed(1)} s, ${processor.toFixed(1)} s of processor time; ${load()}`);
  }
}

async function run(kind: TranslateOptions["attention"] & string): Promise<void> {
  const options: TranslateOptions = { attention: kind, tokens: "bpe:6000", timeLimit: minutes * 60, seed, ...settings[kind] };
  console.log(`attention ${kind}, due ${due[kind] ?? "nothing"}: ${JSON.stringify(options)}; ${load()}`);
  const texts: TranslateTexts = { name: "multi30k", train: read("train"), valid: read("val") };
  const began = performance.now();
  const cpu = process.cpuUsage();
  for await (const event of train(texts, options)) {
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    if (event.type === "plan") console.log(`  ${event.parameters} parameters, ${JSON.stringify(event.plan.network)}`);
    if (event.type === "step" && event.step % 200 === 0) console.log(`  ${seconds} s  step ${event.step}  loss ${event.loss.toFixed(4)}  ${Math.round(event.samplesPerSecond)} tokens/s`);
    if (event.type === "epoch") console.log(`  ${seconds} s  epoch ${event.epoch}  loss ${event.trainLoss.toFixed(4)}  valid ${event.validLoss!.toFixed(4)}`);
    if (event.type === "end") {
      const { user, system } = process.cpuUsage(cpu);
      console.log(`  trained for ${event.seconds.toFixed(0)} s, ${((user + system) / 1e6).toFixed(0)} s of processor time, ${event.epoch} epochs; ${load()}`);
    }
    if (event.type !== "report") continue;
    mkdirSync(out, { recursive: true });
    const path = join(out, `translate-${kind}.safetensors`);
    writeAtomic(path, encodeModel(event.model.toFile("bench/translate")));
    console.log(`  valid: BLEU ${event.report.valid!.bleu.toFixed(2)}, perplexity ${event.report.valid!.perplexity.toFixed(2)}; saved as ${path}`);
    for (const [name, { bleu: b }] of Object.entries(event.report.baselines)) console.log(`  valid, ${name}: BLEU ${b.toFixed(2)}`);
    score(event.model);
  }
}

if (!existsSync(folder)) console.log(`translate: skipped, ${folder} is not there`);
else if (given !== "") score(Translator.fromFile(decodeModel(readFileSync(given), given), createEngine(), given));
else for (const kind of attention.split(",")) await run(kind as TranslateOptions["attention"] & string);
