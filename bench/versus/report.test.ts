import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Case, workloads } from "./cases.ts";
import type { Result } from "./measure.ts";
import { chart, markdown, type Report, shareOfPeak, slowerLines, spreadOf, timeOf, writeReport } from "./report.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const row = (key: string, times: number[], rest: Partial<Result> = {}): Result => ({
  ...{ key, name: key, version: "1.2", ours: false, threads: 1, times, p99: [], peaks: [], off: 2e-7, tolerance: 1e-4, megabytes: 90, busy: 0.98 },
  ...rest,
});
const forward = workloads["F"]!.cases[0]!; // 100, 64, 128: 1.258 GFLOP
const step = workloads["S"]!.cases.find((c) => c.H === 64)!;
const report: Report = {
  ...{ date: "2026-11-20", machine: "2 cores", command: "npm run bench", rounds: 3, minutes: 9.5 },
  limits: { peaks: { wasm: 60, avx512: 250 }, bandwidth: { L2: { bytes: 524288, speeds: [232, 460] }, DRAM: { bytes: 2 ** 28, speeds: [40, 62] } } },
  cases: [
    {
      case: forward,
      results: [
        row("wasm", [30, 28, 29], { ours: true, name: "sluice wasm", peaks: [60, 60, 60] }),
        row("avx512", [6.4, 6.3, 6.5], { ours: true, name: "sluice native-avx512", peaks: [250, 250, 250] }),
        row("avx512", [3.3, 3.2, 3.4], { ours: true, name: "sluice native-avx512", threads: 2, peaks: [500, 500, 500] }),
        row("onnxruntime-node", [8, 9, 10]),
        row("onednn", [5, 6, 5.5], { name: "oneDNN C++" }),
        row("tfjs-wasm", [900], { name: "tfjs <wasm> & co" }),
      ],
      without: { brain: "batches of one only", "pytorch on 2": "failed: it died" },
    },
    { case: step, results: [row("avx512", [0.0006], { ours: true, p99: [0.0009] }), row("avx512-int8", [0.0005], { ours: true, p99: [0.0007], tolerance: 0.017, off: 5e-3 })], without: {} },
  ],
  overheads: [{ key: "avx512", case: forward, whole: 2.06, kernels: 2, calls: 28, largest: [["gru_backward", 0.7]] }],
  footprints: [{ key: "wasm", name: "sluice wasm", ours: true, kind: "train", start: 210, megabytes: 101 }],
  shipped: [{ name: "sluice/infer", ours: true, page: 59_000 }, { name: "others", ours: false, disk: 3e8 }],
};
/** Whether every tag of an XML text is closed in its order, and nothing but tags and plain text is left. */
function isWellFormed(xml: string): boolean {
  const open: string[] = [];
  const rest = xml.replaceAll(/<(\/?)([a-z]+)((?: [a-zA-Z0-9-]+="[^"<]*")*)(\/?)>/g, (_, closing: string, name: string, __, empty: string) => {
    if (closing) return open.pop() === name ? "" : "<";
    if (!empty) open.push(name);
    return "";
  });
  return open.length === 0 && !/[<>]|&(?!#\d+;|amp;|lt;|gt;)/.test(rest);
}
/** Cells of the table rows below a heading. */
const tableUnder = (page: string, heading: string) =>
  page.split(heading)[1]!.split("\n\n")[1]!.split("\n").map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

test("a case's table: figures worked out by hand, every row as wide as the head", () => {
  const rows = tableUnder(markdown(report), "### F, GRU, L=100 B=64 I=H=128");
  expect(new Set(rows.map((cells) => cells.length)).size).toBe(1);
  const [head, , ...body] = rows;
  const of = (name: string, threads: string) => Object.fromEntries(head!.map((key, i) => [key, body.find(([n, t]) => n!.includes(name) && t === threads)![i]]));
  // 2 · 100 · 64 · 256 · 384 operations in 6.4 ms: 196.6 GFLOP/s, 79% of 250; on two threads 381 of 500
  expect(of("avx512", "1")).toMatchObject({ ms: "6.4", "GFLOP/s": "197", "of peak": "79%", "÷ native": "1.00×", "÷ wasm": "0.221×" });
  expect(of("avx512", "2")).toMatchObject({ ms: "3.3", "of peak": "76%", "1 ÷ these threads": "1.94×", "÷ wasm": "" });
  expect(of("onnxruntime-node", "1")).toMatchObject({ ms: "9", "÷ native": "1.41×", "÷ wasm": "0.310×", "of peak": "" });
  const [, , , int8] = tableUnder(markdown(report), "### S, GRU, I=H=64");
  expect(int8!.slice(-2)).toEqual(["2e-7", "90"]);
});

test("what is slower than a peer comes first, by how much, and only against the same number of threads", () => {
  expect(slowerLines(report.cases)).toEqual([
    "F, GRU, L=100 B=64 I=H=128: sluice wasm (29 ms) is behind oneDNN C++ (C++, out of JavaScript's reach) by 5.27×, 5.5 ms; onnxruntime-node (native code) by 3.22×, 9 ms",
    "F, GRU, L=100 B=64 I=H=128: sluice native-avx512 (6.4 ms) is behind oneDNN C++ (C++, out of JavaScript's reach) by 1.16×, 5.5 ms",
  ]);
  const page = markdown(report);
  expect(page.indexOf("## Slower than a peer")).toBeLessThan(page.indexOf("## F."));
  expect(page).toContain("- brain: batches of one only (F GRU L=100 B=64 I=H=128)");
  expect(page).toContain("- pytorch on 2: failed: it died");
  expect(page).toMatch(/\| F, avx512 \| 2.06 \| 2 \| 3.0% \| 28 \| gru_backward 70% \|/);
  expect(page).toMatch(/\| L2 \(512 KiB\) \| 232 \| 460 \|/);
});

test("a share is the median over turns, each of the peak beside it, whatever the limits say", () => {
  const speed = 2 * 100 * 64 * 256 * 384; // 1.258 GFLOP
  // 0.8, 0.5 and 0.9 of what the clock gave at the time. The median speed by the median peak would be 0.9.
  const drifting = row("avx512", [100, 200, 180].map((v) => speed / v / 1e6), { ours: true, peaks: [125, 400, 200] });
  expect(shareOfPeak(drifting, forward)).toBeCloseTo(0.8, 12);
  expect(shareOfPeak({ ...drifting, peaks: [] }, forward)).toBeUndefined();
});

test("medians and spreads", () => {
  expect(timeOf(row("x", [3, 1, 2, 10]))).toBe(2.5);
  expect(spreadOf(row("x", [1, 2, 3, 4, 5]))).toBeCloseTo(2 / 3, 12);
});

test("the chart of a case is an SVG whose markup holds whatever a name has; who is far beyond the others is named, not drawn", () => {
  const svg = chart(report.cases[0]!);
  expect(isWellFormed(svg)).toBe(true);
  expect(isWellFormed(svg.replace("</svg>", ""))).toBe(false);
  expect(svg).toMatch(/beyond the edge: tfjs (&#60;|&lt;)wasm(&#62;|&gt;) (&#38;|&amp;) co 900/);
  expect(svg.match(/native-avx512, 2 threads/g)).not.toBeNull();
});

test("the report is written as markdown, JSON that holds all of it, and a chart a case", () => {
  const page = writeReport(report, folder);
  expect(readFileSync(page, "utf8")).toBe(markdown(report));
  expect(JSON.parse(readFileSync(join(folder, "versus.json"), "utf8"))).toEqual(report);
  expect(readdirSync(folder).sort()).toEqual(["F-GRU-L-100-B-64-I-H-128.svg", "S-GRU-I-H-64.svg", "versus.json", "versus.md"]);
});

test("a report of nothing yet can be written", () => {
  expect(markdown({ ...report, cases: [] as { case: Case; results: Result[]; without: object }[] as never, overheads: [], footprints: [], shipped: [] })).not.toContain("NaN");
});
