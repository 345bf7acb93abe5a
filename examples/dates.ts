/**
 * @file Dates as people write them, in many languages and forms, to ISO dates: text to text without any data but what `Intl` can write.
 *
 *     npm run example:dates
 *     npm run example -- dates align.svg      with a picture of what was looked at
 *
 * A date is spelt by its characters; the network reads them in both directions and writes year, month and day while looking back at them.
 * Dates of training are never tested; 99% of the others come out right, to the letter.
 */
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { createEngine, Rng } from "sluice";
import { alignmentSvg } from "sluice/plot";
import { translate } from "sluice/tasks";

const day = 86_400_000;
const first = Date.UTC(1950, 0, 1);
const days = 36_525; // a century

/** Every form says year, month and day, and no two languages read the same text differently: no 3/4/2025, no two-digit years. */
const forms: Intl.DateTimeFormatOptions[] = [
  { dateStyle: "full" },
  { dateStyle: "long" },
  { year: "numeric", month: "short", day: "numeric" },
  { year: "numeric", month: "long", day: "2-digit", weekday: "short" },
];
const languages = "en-US en-GB de fr es it pt-BR nl sv nb da fi pl cs hu ro tr ru uk el zh ja ko ar-EG".split(" ");

/** Ways to write a date. */
const writers = languages.flatMap((language) => forms.map((form) => new Intl.DateTimeFormat(`${language}-u-ca-gregory`, { ...form, timeZone: "UTC" })));

const iso = (date: number): string => new Date(date).toISOString().slice(0, 10);

/** What a date is for: every sixteenth of the century for testing, every sixteenth for validation, the others for training. */
const partOf = (n: number): "train" | "valid" | "test" => (n % 16 === 0 ? "test" : n % 16 === 8 ? "valid" : "train");

/** `count` dates of a part, each written in one of all ways. */
function write(count: number, part: "train" | "valid" | "test", rng: Rng): { source: string[]; target: string[] } {
  const pairs = { source: [] as string[], target: [] as string[] };
  while (pairs.source.length < count) {
    const n = rng.below(days);
    if (partOf(n) !== part) continue;
    const date = first + n * day;
    pairs.source.push(writers[rng.below(writers.length)]!.format(date));
    pairs.target.push(iso(date));
  }
  return pairs;
}

/** Trains and tests; returns the share of unseen dates that are right to the letter. */
export async function readDates({ pairs = 16_000, epochs = 4, picture = "", tell = console.log as (line: string) => void } = {}) {
  const began = performance.now();
  const engine = createEngine();
  const texts = { name: "dates", train: write(pairs, "train", new Rng(1)), valid: write(500, "valid", new Rng(2)), test: write(2000, "test", new Rng(3)) };
  tell(`${languages.length} languages, ${writers.length} forms, ${pairs} dates such as ${texts.train.source.slice(0, 3).join("; ")}   (${engine.backend})`);
  const options = { tokens: "char", hidden: 128, embedding: 32, decoderLayers: 1, batch: 2000, epochs, lr: "cosine(8e-3, warmup=40)", dropout: 0, labelSmoothing: 0, seed: 1 };
  for await (const event of translate.train(texts, options, { engine })) {
    if (event.type === "epoch") tell(`epoch ${event.epoch}: loss ${event.validLoss!.toFixed(4)}   ${((performance.now() - began) / 1000).toFixed(0)} s`);
    if (event.type !== "report") continue;
    const seconds = (performance.now() - began) / 1000;
    const exact = event.report.test!.exact;
    tell(`${(100 * exact).toFixed(2)}% of ${texts.test.source.length} unseen dates exact; ${seconds.toFixed(1)} s in all`);
    const some = ["Mittwoch, 1. März 2023", "le 14 juillet 1989", "2001年9月9日", "Feb 29, 2024"];
    const read = event.model.translate(some, { align: true });
    for (const [i, { text }] of read.entries()) tell(`  ${some[i]}  →  ${text}`);
    if (picture) writeFileSync(picture, alignmentSvg({ title: read[0]!.text, subtitle: some[0]!, ...read[0]!.alignment! }));
    return { exact, seconds, model: event.model };
  }
  throw new Error("the training gave no report");
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await readDates({ picture: process.argv[2] ?? "" });
