/** @file What was measured, as markdown, JSON and one bar chart per case. What is slower than a peer comes first. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { barsSvg } from "../../src/plot/index.ts";
import { digits, table } from "../shared/markdown.ts";
import { type Case, type Form, idOf, sizesOf, workloads } from "./cases.ts";
import { type CaseResult, median, type Result } from "./measure.ts";
import { TOLERANCE } from "./truth.ts";

export interface Report {
  readonly date: string;
  readonly machine: string;
  readonly command: string;
  readonly threads: number;
  readonly rounds: number;
  /** GFLOP/s of multiply-adds on registers, by our backend's key. */
  readonly peaks: Readonly<Record<string, number>>;
  readonly cases: readonly CaseResult[];
}

const time = (r: Result): number => median(r.times);
/** Half of the turns lie within this share of the median. */
function spread(r: Result): number {
  const sorted = [...r.times].sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.round(q * (sorted.length - 1))]!;
  return (at(0.75) - at(0.25)) / time(r);
}

/** Operations of the matrix products alone; 0 where they are not what counts. */
const flops = ({ kind, L, B, I, H }: Case): number => (kind === "forward" ? 1 : kind === "train" ? 3 : 0) * 2 * L * B * (I + H) * 3 * H;

const unitOf = (c: Case): { name: string; scale: number } => (c.kind === "step" ? { name: "µs", scale: 1000 } : { name: "ms", scale: 1 });
const times = (ratio: number): string => `${ratio >= 99.5 ? ratio.toFixed(0) : ratio.toPrecision(3)}×`;
const formWords: Readonly<Record<Form, string>> = { after: "reset after", before: "reset before" };

const isNative = (r: Result): boolean => r.ours && r.key !== "wasm";
/** Our fastest native backend, or nothing. */
const native = ({ results }: CaseResult): Result | undefined => results.filter(isNative).sort((a, b) => time(a) - time(b))[0];
const wasm = ({ results }: CaseResult): Result | undefined => results.find((r) => r.key === "wasm");

/** Peers that run in a browser; the others are native code, with whatever instructions this processor has. */
const browserPeers = new Set(["onnxruntime-web", "jax-js", "tfjs-wasm", "tfjs-cpu", "brain"]);

/** Each of our backends with the peers that are faster, case by case. */
function slower(cases: readonly CaseResult[]): string[] {
  return cases.flatMap((c) =>
    c.results.filter((r) => r.ours).flatMap((mine) => {
      const faster = c.results.filter((r) => !r.ours && time(r) < time(mine)).sort((a, b) => time(a) - time(b));
      if (faster.length === 0) return [];
      const { scale, name } = unitOf(c.case);
      const those = faster.map((r) => `${r.name}${browserPeers.has(r.key) ? "" : " (native code)"} by ${times(time(mine) / time(r))}, ${digits(time(r) * scale, 3)} ${name}`);
      return [`${c.case.workload}, ${formWords[c.case.form]}, ${sizesOf(c.case)}: ${mine.name} (${digits(time(mine) * scale, 3)} ${name}) is behind ${those.join("; ")}`];
    }),
  );
}

function caseTable(c: CaseResult, peaks: Report["peaks"]): string {
  const { name: unit, scale } = unitOf(c.case);
  const [ours, plain] = [native(c), wasm(c)];
  const work = flops(c.case);
  const head = ["", unit, ...(c.case.kind === "step" ? ["p99"] : []), "spread", "÷ native", "÷ wasm", ...(work > 0 ? ["GFLOP/s", "of peak"] : []), "off", "start ms", "MB"];
  const rows = [...c.results]
    .sort((a, b) => time(a) - time(b))
    .map((r) => {
      const speed = work / time(r) / 1e6;
      const share = r.ours && peaks[r.key] ? `${((100 * speed) / peaks[r.key]!).toFixed(0)}%` : "";
      const versus = (other: Result | undefined) => (other ? times(time(r) / time(other)) : "");
      return [
        ...[r.ours ? `**${r.name}**` : `${r.name} ${r.version}`, digits(time(r) * scale, 3)],
        ...(c.case.kind === "step" ? [digits(median(r.p99) * scale, 3)] : []),
        ...[`${(100 * spread(r)).toFixed(0)}%`, versus(ours), versus(plain)],
        ...(work > 0 ? [digits(speed, 3), share] : []),
        ...[r.off.toExponential(0), r.start.toFixed(0), r.megabytes.toFixed(0)],
      ];
    });
  return table(head, rows);
}

/** Cases in which a contestant was not, by its reason. */
function withoutLines(cases: readonly CaseResult[]): string[] {
  const by = new Map<string, string[]>();
  for (const c of cases) for (const [key, why] of Object.entries(c.without)) by.set(`${key}: ${why}`, [...(by.get(`${key}: ${why}`) ?? []), idOf(c.case)]);
  return [...by].map(([what, where]) => `- ${what}${where.length === cases.length ? "" : ` (${where.join("; ")})`}`);
}

export function markdown({ date, machine, command, threads, rounds, peaks, cases }: Report): string {
  const all = cases.flatMap((c) => c.results);
  const busy = median(all.filter((r) => r.busy < 1.05).map((r) => r.busy));
  const behind = slower(cases);
  const sections = Object.entries(workloads).flatMap(([workload, { title }]) => {
    const own = cases.filter((c) => c.case.workload === workload);
    if (own.length === 0) return [];
    return [`## ${workload}. ${title}`, ...own.flatMap((c) => [`### ${workload}, ${formWords[c.case.form]}, ${sizesOf(c.case)}`, caseTable(c, peaks)])];
  });
  return [
    "# Versus",
    `${date}, ${machine}; ${threads} thread${threads === 1 ? "" : "s"}; medians of ${rounds} turns. Repeat: \`${command}\`.`,
    `Multiply-add peak measured beside: ${Object.entries(peaks).map(([key, v]) => `${key} ${v.toFixed(0)}`).join(", ")} GFLOP/s. ` +
      `Processes had the processor ${(100 * busy).toFixed(0)}% of their time (median); the turns' middle halves span ${(100 * median(all.map(spread))).toFixed(0)}% of the median (median over all rows).`,
    `Every row has computed the same numbers: "off" is the distance from float64 (outputs: largest difference; gradients and losses: relative), at most ${TOLERANCE}. ` +
      '"÷ native", "÷ wasm": how many times as long as our fastest native backend and as our WebAssembly. GFLOP/s count the matrix products alone.',
    "## Slower than a peer",
    behind.length > 0 ? behind.map((line) => `- ${line}`).join("\n") : "Nothing here.",
    ...sections,
    "## Who did not take part",
    withoutLines(cases).join("\n") || "Everybody did.",
    "",
  ].join("\n\n");
}

/** Bars of one case. Who takes more than five times the median would leave nothing to see of the others, and is named instead. */
function chart(c: CaseResult): string {
  const { name: unit, scale } = unitOf(c.case);
  const rows = [...c.results].sort((a, b) => time(a) - time(b));
  const limit = 5 * median(rows.map(time));
  const beyond = rows.filter((r) => time(r) > limit).map((r) => `${r.name} ${digits(time(r) * scale, 3)}`);
  const groups = rows
    .filter((r) => time(r) <= limit)
    .map((r) => ({ label: r.name, bars: [{ name: r.ours ? "Sluice" : "others", value: Number((time(r) * scale).toPrecision(3)) }] }));
  return barsSvg({
    title: workloads[c.case.workload]!.title,
    subtitle: `GRU, ${formWords[c.case.form]}, ${sizesOf(c.case)}${beyond.length > 0 ? `; beyond the edge: ${beyond.join(", ")}` : ""}`,
    ...{ groups, valueName: `${unit}, shorter is better` },
  });
}

/** Writes versus.md, versus.json and the charts into `folder`; returns the markdown's path. */
export function writeReport(report: Report, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const page = join(folder, "versus.md");
  writeFileSync(page, markdown(report));
  writeFileSync(join(folder, "versus.json"), `${JSON.stringify(report, null, 1)}\n`);
  for (const c of report.cases) if (c.results.length > 0) writeFileSync(join(folder, `${idOf(c.case).replace(/[ =]+/g, "-")}.svg`), chart(c));
  return page;
}
