/** @file What was measured, as markdown, JSON and one bar chart per case. What is slower than a peer comes first. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { barsSvg } from "../../src/plot/index.ts";
import { digits, table } from "../shared/markdown.ts";
import { type Case, cellOf, flopsOf, idOf, sizesOf, weightBytesOf, workloads } from "./cases.ts";
import type { Footprint, Shipped } from "./footprint.ts";
import type { Limits } from "./limits.ts";
import { type CaseResult, median, type Result } from "./measure.ts";
import { type Overhead, shareOf } from "./overhead.ts";
import { TOLERANCE } from "./truth.ts";

export interface Report {
  readonly date: string;
  readonly machine: string;
  readonly command: string;
  readonly rounds: number;
  /** How long the run took so far. */
  readonly minutes?: number;
  readonly limits: Limits;
  readonly cases: readonly CaseResult[];
  readonly overheads: readonly Overhead[];
  readonly footprints: readonly Footprint[];
  readonly shipped: readonly Shipped[];
}

export const timeOf = (r: Result): number => median(r.times);
/** Half of the turns lie within this share of the median. */
export function spreadOf(r: Result): number {
  const sorted = [...r.times].sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.round(q * (sorted.length - 1))]!;
  return (at(0.75) - at(0.25)) / timeOf(r);
}

export const unitOf = (c: Case): { name: string; scale: number } => (c.kind === "step" ? { name: "µs", scale: 1000 } : { name: "ms", scale: 1 });
export const times = (ratio: number): string => `${ratio >= 99.5 ? ratio.toFixed(0) : ratio.toPrecision(3)}×`;
export const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;
const wholeCase = (c: Case): string => `${c.workload}, ${cellOf(c)}, ${sizesOf(c)}`;
/** `sluice native-avx512, 2 threads`. */
const nameOf = (r: Result): string => `${r.name}${r.threads > 1 ? `, ${r.threads} threads` : ""}`;

/** Who computes the same: not those of our rows that round the weights. */
const exact = (r: Result): boolean => r.tolerance === TOLERANCE;
/** Our fastest native backend on so many threads, or nothing. */
export const nativeOf = ({ results }: CaseResult, threads: number): Result | undefined =>
  results.filter((r) => r.ours && exact(r) && r.key !== "wasm" && r.threads === threads).sort((a, b) => timeOf(a) - timeOf(b))[0];
/** One row, if it is there. */
export const rowOf = ({ results }: CaseResult, key: string, threads = 1): Result | undefined => results.find((r) => r.key === key && r.threads === threads);
/** What part of the multiply-add peak of its threads a row of ours reached, each turn of the peak beside it: their median; undefined where no peak is known. */
export const shareOfPeak = ({ times, peaks }: Result, c: Case): number | undefined =>
  peaks.length === 0 ? undefined : median(times.map((ms, turn) => flopsOf(c) / ms / 1e6 / peaks[turn]!));

/** Peers that run in a browser; the others are native code, with whatever instructions this processor has. */
export const browserPeers: ReadonlySet<string> = new Set(["onnxruntime-web", "jax-js", "tfjs-wasm", "tfjs-cpu", "brain"]);
const kindOf = ({ key }: Result): string => (browserPeers.has(key) ? "" : key === "onednn" ? " (C++, out of JavaScript's reach)" : " (native code)");

/**
 * Each of our rows with the peers that are faster on as many threads, case by case.
 * @param counts whether a row of ours and a peer's are to be compared; left out: all are
 */
export function slowerLines(cases: readonly CaseResult[], counts: (mine: Result, other: Result, c: CaseResult) => boolean = () => true): string[] {
  return cases.flatMap((c) =>
    c.results.filter((r) => r.ours).flatMap((mine) => {
      const faster = c.results.filter((r) => !r.ours && r.threads === mine.threads && timeOf(r) < timeOf(mine) && counts(mine, r, c)).sort((a, b) => timeOf(a) - timeOf(b));
      if (faster.length === 0) return [];
      const { scale, name } = unitOf(c.case);
      const those = faster.map((r) => `${r.name}${kindOf(r)} by ${times(timeOf(mine) / timeOf(r))}, ${digits(timeOf(r) * scale, 3)} ${name}`);
      return [`${wholeCase(c.case)}: ${nameOf(mine)} (${digits(timeOf(mine) * scale, 3)} ${name}) is behind ${those.join("; ")}`];
    }),
  );
}

function caseTable(c: CaseResult): string {
  const { name: unit, scale } = unitOf(c.case);
  const stepping = c.case.kind === "step";
  const speeds = stepping ? ["GB/s of weights"] : ["GFLOP/s", "of peak"];
  const head = ["", "threads", unit, ...(stepping ? ["p99"] : []), "spread", "÷ native", "÷ wasm", "1 ÷ these threads", ...speeds, "off", "MB"];
  const rows = [...c.results]
    .sort((a, b) => a.threads - b.threads || timeOf(a) - timeOf(b))
    .map((r) => {
      const share = shareOfPeak(r, c.case);
      const versus = (other: Result | undefined) => (other ? times(timeOf(r) / timeOf(other)) : "");
      const alone = rowOf(c, r.key);
      return [
        ...[r.ours ? `**${r.name}**` : `${r.name} ${r.version}`, String(r.threads), digits(timeOf(r) * scale, 3)],
        ...(stepping ? [digits(median(r.p99) * scale, 3)] : []),
        ...[percent(spreadOf(r)), versus(nativeOf(c, r.threads)), versus(rowOf(c, "wasm", r.threads))],
        r.threads > 1 && alone ? times(timeOf(alone) / timeOf(r)) : "",
        ...(stepping ? [exact(r) ? digits(weightBytesOf(c.case) / timeOf(r) / 1e6, 3) : ""] : [digits(flopsOf(c.case) / timeOf(r) / 1e6, 3), share === undefined ? "" : percent(share)]),
        ...[`${r.off.toExponential(0)}${exact(r) ? "" : ` of ${r.tolerance}`}`, r.megabytes.toFixed(0)],
      ];
    });
  return table(head, rows);
}

/** Multiply-add peaks and the speed of each level of memory. */
export function limitsTables({ peaks, bandwidth }: Limits): string {
  const flops = table(["", "GFLOP/s, one thread"], Object.entries(peaks).map(([key, v]) => [key, v.toFixed(0)]));
  if (typeof bandwidth === "string") return `${flops}\n\nReading memory was not measured: ${bandwidth}.`;
  const all = Object.values(bandwidth).some(({ speeds }) => speeds.length > 1);
  const rows = Object.entries(bandwidth).map(([level, { bytes, speeds }]) => [`${level} (${bytes >= 2 ** 20 ? `${bytes / 2 ** 20} MiB` : `${bytes / 1024} KiB`})`, ...speeds.map((v) => v.toFixed(0))]);
  return `${flops}\n\n${table(["read from", "GB/s, one thread", ...(all ? ["all threads"] : [])], rows)}`;
}

export const overheadTable = (overheads: readonly Overhead[]): string =>
  table(
    ["", "whole step, ms", "kernels, ms", "around them", "kernel calls", "most of it"],
    overheads.map((o) => [
      `${o.case.workload}, ${o.key}`,
      ...[digits(o.whole, 3), digits(o.kernels, 3), `${(100 * shareOf(o)).toFixed(1)}%`, o.calls.toFixed(0)],
      o.largest.slice(0, 3).map(([name, share]) => `${name} ${percent(share)}`).join(", "),
    ]),
  );

export const footprintTable = (footprints: readonly Footprint[]): string =>
  table(
    ["", "first result after, s", "most memory, MB", "of"],
    [...footprints].sort((a, b) => a.start - b.start).map((f) => [f.ours ? `**${f.name}**` : f.name, digits(f.start / 1000, 3), f.megabytes.toFixed(0), f.kind === "train" ? "training" : "forward"]),
  );

export const shippedTable = (shipped: readonly Shipped[]): string =>
  table(
    ["", "a page downloads, KB gzipped", "on disk, MB"],
    shipped.map((s) => [s.ours ? `**${s.name}**` : s.name, s.page === undefined ? "–" : (s.page / 1000).toFixed(0), s.disk === undefined ? "–" : digits(s.disk / 1e6, 3)]),
  );

/** Cases in which a contestant was not, by its reason. */
function withoutLines(cases: readonly CaseResult[]): string[] {
  const by = new Map<string, string[]>();
  for (const c of cases) for (const [key, why] of Object.entries(c.without)) by.set(`${key}: ${why}`, [...(by.get(`${key}: ${why}`) ?? []), idOf(c.case)]);
  return [...by].map(([what, where]) => `- ${what}${where.length === cases.length ? "" : ` (${where.join("; ")})`}`);
}

export function markdown({ date, machine, command, rounds, minutes, limits, cases, overheads, footprints, shipped }: Report): string {
  const all = cases.flatMap((c) => c.results);
  const alone = all.filter((r) => r.threads === 1);
  const behind = slowerLines(cases);
  const sections = Object.entries(workloads).flatMap(([workload, { title }]) => {
    const own = cases.filter((c) => c.case.workload === workload);
    return own.length === 0 ? [] : [`## ${workload}. ${title}`, ...own.flatMap((c) => [`### ${wholeCase(c.case)}`, caseTable(c)])];
  });
  const part = (title: string, rows: readonly unknown[], text: () => string) => (rows.length > 0 ? [`## ${title}`, text()] : []);
  return [
    "# Versus",
    `${date}, ${machine}; medians of at most ${rounds} turns${minutes === undefined ? "" : `; ${minutes.toFixed(1)} minutes`}. Repeat: \`${command}\`.`,
    ...(all.length > 0
      ? [
          `Processes had the processor ${percent(median((alone.length > 0 ? alone : all).map((r) => Math.min(1, r.busy / r.threads))))} of their time (median); the turns' middle halves span ${percent(median(all.map(spreadOf)))} of the median (median over all rows).`,
          `Every row has computed the same numbers: "off" is the distance from float64 (outputs: largest difference; gradients and losses: relative), at most ${TOLERANCE}; streams with rounded ` +
            'weights compute something else, and may be off by what stands beside. "÷ native", "÷ wasm": how many times as long as our fastest native backend and our WebAssembly on as many threads. ' +
            '"1 ÷ these threads": how many times as fast as the same on one thread. GFLOP/s count the matrix products alone; "of peak": of the threads\' multiply-add peak together, measured beside each turn.',
        ]
      : []),
    ...part("Slower than a peer", cases, () => behind.map((line) => `- ${line}`).join("\n") || "Nothing here."),
    "## What the machine can do",
    limitsTables(limits),
    ...sections,
    ...part("What a step takes beside its kernels", overheads, () => overheadTable(overheads)),
    ...part("M. Memory and start", footprints, () => footprintTable(footprints)),
    ...part("M. Bytes", shipped, () => shippedTable(shipped)),
    ...part("Who did not take part", cases, () => withoutLines(cases).join("\n") || "Everybody did."),
    "",
  ].join("\n\n");
}

/** Bars of one case. Who takes more than five times the median would leave nothing to see of the others, and is named instead. */
export function chart(c: CaseResult): string {
  const { name: unit, scale } = unitOf(c.case);
  const rows = [...c.results].sort((a, b) => timeOf(a) - timeOf(b));
  const limit = 5 * median(rows.map(timeOf));
  const beyond = rows.filter((r) => timeOf(r) > limit).map((r) => `${nameOf(r)} ${digits(timeOf(r) * scale, 3)}`);
  const groups = rows
    .filter((r) => timeOf(r) <= limit)
    .map((r) => ({ label: nameOf(r), bars: [{ name: r.ours ? "Sluice" : "others", value: Number((timeOf(r) * scale).toPrecision(3)) }] }));
  return barsSvg({
    title: workloads[c.case.workload]!.title,
    subtitle: `${cellOf(c.case)}, ${sizesOf(c.case)}${beyond.length > 0 ? `; beyond the edge: ${beyond.join(", ")}` : ""}`,
    ...{ groups, valueName: `${unit}, shorter is better` },
  });
}

/** Writes versus.md, versus.json and the charts into `folder`; returns the markdown's path. */
export function writeReport(report: Report, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const page = join(folder, "versus.md");
  writeFileSync(page, markdown(report));
  writeFileSync(join(folder, "versus.json"), `${JSON.stringify(report, null, 1)}\n`);
  for (const c of report.cases) if (c.results.length > 0) writeFileSync(join(folder, `${idOf(c.case).replace(/[ =,]+/g, "-")}.svg`), chart(c));
  return page;
}
