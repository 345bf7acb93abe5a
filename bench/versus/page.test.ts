import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { workloads } from "./cases.ts";
import { dueTable } from "./due.ts";
import type { Result } from "./measure.ts";
import { fill, parts } from "./page.ts";
import type { Report } from "./report.ts";

const row = (key: string, ms: number, rest: Partial<Result> = {}): Result => ({
  ...{ key, name: key, version: "1.2", ours: ["wasm", "avx512"].includes(key), threads: 1, times: [ms], p99: [2 * ms], peaks: [], off: 2e-7, tolerance: 1e-4, megabytes: 90, busy: 0.98 },
  ...rest,
});
const find = (workload: string, H: number) => workloads[workload]!.cases.find((c) => c.H === H)!;
const report: Report = {
  ...{ date: "2026-11-20", machine: "2 cores", command: "npm run bench", rounds: 3, minutes: 9.5, limits: { peaks: { wasm: 60, avx512: 250 }, bandwidth: "no compiler" } },
  cases: [
    { case: find("S", 64), results: [row("wasm", 0.0013), row("avx512", 0.0006), row("onednn", 0.0016), row("pytorch", 0.009)], without: {} },
    {
      case: find("F", 128),
      results: [row("wasm", 29, { peaks: [60] }), row("avx512", 6.4, { peaks: [250] }), row("avx512", 3.3, { threads: 2, peaks: [500] }), row("onednn", 5.5), row("onnxruntime-web", 37), row("tfjs-wasm", 900), row("tfjs-cpu", 800)],
      without: {},
    },
    { case: find("FC", 64), results: [row("avx512", 2), row("pytorch", 11)], without: {} },
  ],
  overheads: [{ key: "avx512", case: find("FC", 64), whole: 2.06, kernels: 2, calls: 28, largest: [["gru_backward", 0.7]] }],
  footprints: [],
  shipped: [],
};

test("parts of a page are written anew, its words stay", () => {
  const page = "# Speed\n<!-- bench:slower -->\nold\n<!-- /bench -->\nwords\n\n<!-- bench:overhead -->\n<!-- /bench -->\nend\n";
  const filled = fill(page, report);
  expect(filled).toContain("# Speed\n<!-- bench:slower -->\nOur fastest native backend (what the addon chooses) is behind:\n\n- F, GRU, L=100 B=64 I=H=128: avx512 (6.4 ms) is behind onednn");
  expect(filled).toContain("<!-- /bench -->\nwords\n\n<!-- bench:overhead -->\n|  | whole step");
  expect(filled).not.toContain("old");
  expect(fill(filled, report)).toBe(filled);
  expect(() => fill("<!-- bench:nothing -->\n<!-- /bench -->", report)).toThrow(/part "nothing" is unknown, expected one of conditions/);
  expect(() => fill("<!-- bench:slower -->\n<!-- bench:limits -->\n<!-- /bench -->", report)).toThrow(/part "slower" is without an end/);
});

test("slower than a peer: the chosen backend, WebAssembly in browsers, then ranges against native code", () => {
  const text = parts["slower"]!({ ...report, cases: [...report.cases, { case: find("F", 256), results: [row("wasm", 100), row("onnxruntime-web", 80), row("onednn", 20)], without: {} }] });
  expect(text).toContain("- F, GRU, L=100 B=64 I=H=256: wasm (100 ms) is behind onnxruntime-web by 1.25×, 80 ms");
  expect(text).toContain("| WebAssembly, S | 0.81× | 0.14× | – |");
  expect(text).toContain("| WebAssembly, F | 5–5.3× | – | – |");
  expect(text.match(/is behind/g)).toHaveLength(4);
});

test("figures of the parts, worked out by hand", () => {
  expect(parts["steps"]!(report)).toContain("| 64 | 0.6 | 1.3 | 1.2 | 1.6 | 9 |");
  // The faster TensorFlow.js; times are those of the fastest native backend.
  expect(parts["forward"]!(report)).toContain("| 100, 64, 128 | 6.4, 79% | 29, 72% | 5.5, 0.859× | 37, 5.78× | 800, 125× |");
  expect(parts["forward"]!(report)).toContain("2 threads:\n\n| L, B, H | AVX-512 |\n| --- | ---: |\n| 100, 64, 128 | 3.3, 76% |");
  expect(parts["browsers"]!(report)).toContain("| F, 100, 64, 128 | 1.28× | 27.6× |");
  expect(parts["threads"]!(report)).toContain("| F, 100, 64, 128 | 1.94× (2.00×) |");
  expect(parts["models"]!(report)).toContain("avx512 500, pytorch 90.9");
});

test("what is asked and not reached comes first; demands without a figure are left out", () => {
  const lines = dueTable(report).split("\n");
  expect(lines.slice(2, 5).every((line) => line.includes("**not reached**"))).toBe(true);
  expect(lines.find((line) => line.includes("F, avx512"))).toBe("| F, avx512, one thread: share of the multiply-add peak | 80% | 90% | 79% | **not reached** |");
  expect(lines.find((line) => line.includes("S, avx512, H=64"))).toBe("| S, avx512, H=64 | 0.65 µs | 0.5 µs | 0.6 µs | reached |");
  expect(lines.find((line) => line.includes("F, wasm against onnxruntime-web"))).toContain("| 1.28× | **not reached** |");
  expect(lines.find((line) => line.includes("F and TR, against oneDNN"))).toContain("| 0.859× | **not reached** |");
  expect(lines.find((line) => line.includes("FC and LM"))).toContain("| 3.0% | aim reached |");
  expect(lines.some((line) => line.includes("jax-js"))).toBe(false);
});

test("every part of docs/performance.md can be written, and every part has its place there", () => {
  const page = readFileSync("docs/performance.md", "utf8");
  const names = [...page.matchAll(/<!-- bench:(\S+) -->/g)].map(([, name]) => name);
  expect(names.sort()).toEqual(Object.keys(parts).sort());
  expect(() => fill(page, report)).not.toThrow();
});
