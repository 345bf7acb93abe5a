/** @file What is asked of this library's speed, beside what a report has of it. */
import { digits, table } from "../shared/markdown.ts";
import type { Case } from "./cases.ts";
import type { CaseResult } from "./measure.ts";
import { shareOf } from "./overhead.ts";
import { nativeOf, percent, type Report, rowOf, shareOfPeak, timeOf, times } from "./report.ts";

/** One demand: a figure of each case that it is made of; the worst counts. */
interface Due {
  readonly what: string;
  readonly least: number;
  readonly aim: number;
  /** Larger is better; otherwise smaller. */
  readonly more: boolean;
  readonly show: (v: number) => string;
  readonly figures: (report: Report) => readonly (number | undefined)[];
}

const after = (report: Report, workload: string, wanted: (c: Case) => boolean = () => true): readonly CaseResult[] =>
  report.cases.filter(({ case: c }) => c.workload === workload && c.form === "after" && wanted(c));
const batches = (c: Case) => c.cell === "gru" && c.B > 1;
const ratio = (v: number) => times(v);
const µs = (v: number) => `${digits(v, 3)} µs`;

const share = (workload: string, key: string, least: number, aim: number, wanted: (c: Case) => boolean): Due => ({
  ...{ what: `${workload}, ${key}, one thread: share of the multiply-add peak`, least, aim, more: true, show: percent },
  figures: (report) =>
    after(report, workload, wanted).map((c) => {
      const r = rowOf(c, key);
      return r && shareOfPeak(r, c.case);
    }),
});

const step = (key: string, H: number, least: number, aim: number): Due => ({
  ...{ what: `S, ${key}, H=${H}`, least, aim, more: false, show: µs },
  figures: (report) =>
    after(report, "S", (c) => c.H === H && c.B === 1 && c.layers === 1).map((c) => {
      const r = rowOf(c, key);
      return r && 1000 * timeOf(r);
    }),
});

/** How many times as long a peer takes as we do, on each number of threads that both ran on; our fastest native backend unless `mine` says which. */
const against = (what: string, peer: string, least: number, aim: number, workloads: readonly string[], mine?: string, wanted?: (c: Case) => boolean): Due => ({
  ...{ what, least, aim, more: true, show: ratio },
  figures: (report) =>
    workloads.flatMap((w) => after(report, w, wanted)).flatMap((c) =>
      c.results
        .filter(({ key }) => key === peer)
        .map((r) => {
          const own = mine === undefined ? nativeOf(c, r.threads) : rowOf(c, mine, r.threads);
          return own && timeOf(r) / timeOf(own);
        }),
    ),
});

/** How many times as fast as on one thread. */
const scaling = (key: string): Due => ({
  ...{ what: `two threads, ${key}: times one thread, F and TR from 64 × 128 up`, least: 1.85, aim: 1.95, more: true, show: ratio },
  figures: (report) =>
    ["F", "TR"].flatMap((w) => after(report, w, (c) => c.B > 1)).map((c) => {
      const [alone, both] = [rowOf(c, key), rowOf(c, key, 2)];
      return alone && both && timeOf(alone) / timeOf(both);
    }),
});

const all = ["S", "F", "TR", "LM", "FC"];
const dues: readonly Due[] = [
  share("F", "avx512", 0.8, 0.9, batches),
  share("F", "avx2", 0.75, 0.85, batches),
  share("F", "wasm", 0.75, 0.85, batches),
  share("TR", "avx512", 0.75, 0.85, (c) => c.cell !== "rnn"),
  share("TR", "avx2", 0.7, 0.85, (c) => c.cell !== "rnn"),
  share("TR", "wasm", 0.72, 0.85, (c) => c.cell !== "rnn"),
  scaling("avx512"),
  scaling("wasm"),
  ...([[16, 0.15, 0.12], [32, 0.25, 0.2], [64, 0.65, 0.5], [128, 2.1, 1.7], [256, 11, 8], [512, 50, 45]] as const).map(([H, least, aim]) => step("avx512", H, least, aim)),
  step("avx512-int8", 256, 6.5, 5),
  step("avx512-int8", 512, 23, 20),
  ...([[16, 0.25, 0.2], [64, 1.8, 1.5], [128, 6, 5]] as const).map(([H, least, aim]) => step("wasm", H, least, aim)),
  ...([["PyTorch", "pytorch"], ["onnxruntime-node", "onnxruntime-node"], ["onnxruntime-web", "onnxruntime-web"], ["jax-js", "jax-js"], ["TensorFlow.js", "tfjs-wasm"]] as const).map(
    ([name, key]) => against(`everything, against ${name}`, key, 1, 1, all),
  ),
  against("F and TR, against oneDNN's C++", "onednn", 0.9, 1, ["F", "TR"]),
  against("S, against oneDNN's C++", "onednn", 1, 1, ["S"]),
  against("S up to H=64, against onnxruntime-node", "onnxruntime-node", 10, 10, ["S"], undefined, (c) => c.H <= 64 && c.B === 1),
  against("S at H=128, against onnxruntime-node", "onnxruntime-node", 6, 6, ["S"], undefined, (c) => c.H === 128),
  against("F, wasm against onnxruntime-web", "onnxruntime-web", 1.3, 1.3, ["F"], "wasm"),
  against("TR, wasm against jax-js", "jax-js", 2, 2, ["TR"], "wasm"),
  against("TR, wasm against TensorFlow.js", "tfjs-wasm", 10, 10, ["TR"], "wasm"),
  against("FC, one thread, against PyTorch", "pytorch", 4, 6, ["FC"]),
  against("LM, one thread, against PyTorch", "pytorch", 1.35, 1.5, ["LM"]),
  {
    ...{ what: "FC and LM: what we add to the kernels' time", least: 0.15, aim: 0.05, more: false, show: (v: number) => `${(100 * v).toFixed(1)}%` },
    figures: ({ overheads }) => overheads.map(shareOf),
  },
];

/** Each demand with the worst figure that the report has of it, those not reached first. Demands that it has nothing of are left out. */
export function dueTable(report: Report): string {
  const rows = dues.flatMap(({ what, least, aim, more, show, figures }) => {
    const found = figures(report).filter((v) => v !== undefined);
    if (found.length === 0) return [];
    const worst = more ? Math.min(...found) : Math.max(...found);
    const reached = (due: number) => (more ? worst >= due : worst <= due);
    const state = reached(aim) ? "aim reached" : reached(least) ? "reached" : "**not reached**";
    return [{ missed: !reached(least), cells: [what, show(least), show(aim), show(worst), state] }];
  });
  rows.sort((a, b) => Number(b.missed) - Number(a.missed));
  return table(["worst figure of", "at least", "aim", "measured", ""], rows.map(({ cells }) => cells));
}
