/**
 * @file `npm run bench -- classify`: texts and series of public data sets classified with the default options, several seeds, beside their
 * baselines. Training stops by itself; the test items are looked at once, at the end. `--set sst2` runs one of them.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { flags } from "./shared/flags.ts";
import { machine, today } from "./shared/machine.ts";
import { digits, table } from "./shared/markdown.ts";
import { readTable } from "../src/data/index.ts";
import { createEngine } from "../src/index.ts";
import { pick } from "../src/tasks/classify/data.ts";
import * as classify from "../src/tasks/classify/index.ts";

const settings = flags({ set: "all", seeds: "1,2,3", options: "{}", progress: 0, test: 1 });
const root = join("..", "shared", "data");

const lines = (path: string) => classify.textsOfLines(readFileSync(join(root, path), "utf8"), path);
const series = (path: string): classify.ClassifyData => classify.seriesOfJson(JSON.parse(readFileSync(join(root, path), "utf8")), path);

interface Case {
  /** Accuracy in percent that is due, in so many seconds. */
  due: number;
  seconds: number;
  needs: string;
  read(): classify.ClassifyData | Promise<classify.ClassifyData>;
}

const cases: Record<string, Case> = {
  sst2: {
    ...{ due: 83.5, seconds: 180, needs: "sentiment/sst2/stsa.binary.train.txt" },
    read: () => ({ train: lines("sentiment/sst2/stsa.binary.train.txt"), valid: lines("sentiment/sst2/stsa.binary.dev.txt"), test: lines("sentiment/sst2/stsa.binary.test.txt") }),
  },
  trec: {
    ...{ due: 91, seconds: 180, needs: "topic/trec/TREC.train.txt" },
    read: () => ({ train: lines("topic/trec/TREC.train.txt"), test: lines("topic/trec/TREC.test.txt") }),
  },
  "ag-news": {
    ...{ due: 85.7, seconds: 180, needs: "topic/ag_news/ag_news_6000.csv" },
    async read() {
      const all = classify.textsOfTable(await readTable(join(root, "topic/ag_news/ag_news_6000.csv"), { header: false, text: ["1", "2", "3"] }), { text: ["2", "3"], label: "1" });
      const rows = all.texts.map((_, i) => i);
      return { train: pick(all, rows.filter((i) => i % 5 !== 4)), test: pick(all, rows.filter((i) => i % 5 === 4)) };
    },
  },
  "basic-motions": { due: 97.5, seconds: 60, needs: "activity/basic-motions.json", read: () => series("activity/basic-motions.json") },
  "japanese-vowels": { due: 98, seconds: 60, needs: "speech/japanese-vowels.json", read: () => series("speech/japanese-vowels.json") },
};

const percent = (v: number) => (100 * v).toFixed(2);
const rows: string[][] = [];
const backend = createEngine().backend;
for (const [name, { due, seconds, needs, read }] of Object.entries(cases)) {
  if (settings.set !== "all" && !settings.set.split(",").includes(name)) continue;
  if (!existsSync(join(root, needs))) {
    console.error(`${name}: skipped, ${join(root, needs)} is not there`);
    continue;
  }
  const data = await read();
  const own = settings.test ? data : { ...data, test: undefined };
  const reports: classify.ClassifyReport[] = [];
  const busy: number[] = [];
  for (const seed of settings.seeds.split(",").map(Number)) {
    const before = process.cpuUsage();
    for await (const event of classify.train(own, { ...JSON.parse(settings.options), seed, ...(settings.test ? {} : { split: { by: "fractions", train: 1, valid: 0, test: 0 } }) })) {
      if (event.type === "epoch" && settings.progress) console.error(`  epoch ${event.epoch}: train ${event.trainLoss.toFixed(4)}, valid ${event.validLoss!.toFixed(4)}, ${event.seconds.toFixed(1)} s`);
      if (event.type !== "report") continue;
      const { report } = event;
      reports.push(report);
      const { user, system } = process.cpuUsage(before);
      busy.push((user + system) / 1e6);
      const test = report.test ? `test ${percent(report.test.accuracy)}, F1 ${percent(report.test.macroF1)}, ECE ${digits(report.test.ece, 3)}` : "test not looked at";
      console.error(`${name} seed ${seed}: valid ${percent(report.valid.accuracy)} (${digits(report.valid.nats)} nats), ${test}, ${report.epochs} epochs, ${report.seconds.toFixed(0)} s (processor ${busy.at(-1)!.toFixed(0)} s), ${report.parameters} parameters`);
    }
  }
  const mean = (of: (r: classify.ClassifyReport) => number) => reports.reduce((sum, r) => sum + of(r), 0) / reports.length;
  const baselines = Object.entries(reports[0]!.baselines).map(([kind, b]) => `${kind} ${percent(b.accuracy)}`);
  rows.push([name, percent(mean((r) => r.test?.accuracy ?? Number.NaN)), percent(mean((r) => r.test?.macroF1 ?? Number.NaN)), digits(mean((r) => r.test?.ece ?? Number.NaN), 3), percent(mean((r) => r.valid.accuracy)), baselines.join(", "), `${due}`, `${Math.max(...reports.map((r) => r.seconds)).toFixed(0)} of ${seconds}`, Math.max(...busy).toFixed(0)]);
}
console.log(`${today()}, ${machine()}, ${backend}; seeds ${settings.seeds}; mean over them, longest time`);
console.log(table(["data", "accuracy %", "macro F1 %", "ECE", "valid %", "baselines", "due %", "seconds", "of a processor"], rows));
