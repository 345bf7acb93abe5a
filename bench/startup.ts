/**
 * @file `npm run bench -- startup`: how long `sluice --help` takes from start to end, and how many bytes `sluice/infer` brings into a
 * page. Due: a median of at most 150 ms; below 60 KB gzipped, kernels included.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { flags } from "./shared/flags.ts";

const { runs } = flags({ runs: 10 });
const main = join("dist", "cli", "main.js");
const dueMilliseconds = 150;
const dueBytes = 60_000;

/** Milliseconds of each of `runs` runs of Node with these words, sorted; one run before them warms the disk's cache. */
function timesOf(words: readonly string[]): number[] {
  const times: number[] = [];
  for (let i = 0; i <= runs; i++) {
    const began = performance.now();
    const { status } = spawnSync(process.execPath, words, { stdio: "ignore" });
    if (status !== 0) throw new Error(`startup: node ${words.join(" ")} ended with ${status}, expected 0`);
    if (i > 0) times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b);
}
const median = (sorted: readonly number[]) => (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
const show = (sorted: readonly number[]) => `median ${median(sorted).toFixed(0)} ms, ${sorted[0]!.toFixed(0)} to ${sorted.at(-1)!.toFixed(0)} ms of ${runs}`;

if (existsSync(main)) {
  const help = timesOf([main, "--help"]);
  console.log(`sluice --help     ${show(help)} (due: ${dueMilliseconds} ms)`);
  console.log(`node, empty file  ${show(timesOf(["-e", "0"]))}`);
  if (median(help) > dueMilliseconds) process.exitCode = 1;
} else {
  console.log(`sluice --help     not measured: ${main} is missing; npm run build makes it`);
  process.exitCode = 1;
}

const { outputFiles } = await build({
  ...{ entryPoints: ["src/infer/index.ts"], bundle: true, minify: true, format: "esm", write: false, logLevel: "error" },
});
const code = outputFiles[0]!.contents;
const gzipped = gzipSync(code, { level: 9 }).length;
console.log(`sluice/infer      ${code.length} bytes minified, ${gzipped} gzipped (due: below ${dueBytes}), kernels included`);
if (gzipped >= dueBytes) process.exitCode = 1;
