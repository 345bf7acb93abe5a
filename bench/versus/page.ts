/** @file The measured parts of docs/performance.md, from a report: whatever stands between `<!-- bench:NAME -->` and `<!-- /bench -->`. */
import { digits, table } from "../shared/markdown.ts";
import { type Case, cellOf } from "./cases.ts";
import { dueTable } from "./due.ts";
import { type CaseResult, median, type Result } from "./measure.ts";
import { browserPeers, footprintTable, limitsTables, nativeOf, overheadTable, percent, type Report, rowOf, shareOfPeak, shippedTable, slowerLines, spreadOf, timeOf, times } from "./report.ts";

/** Columns: our backends, and the peers; of TensorFlow.js the faster of its two. */
const ours = { avx512: "AVX-512", avx2: "AVX2", neon: "NEON", sse2: "SSE2", wasm: "WebAssembly", avx512bf16: "products in bfloat16" } as const;
const peers = { onednn: "oneDNN (C++)", pytorch: "PyTorch", "onnxruntime-node": "onnxruntime-node", "onnxruntime-web": "onnxruntime-web", "jax-js": "jax-js", tfjs: "TensorFlow.js", brain: "brain.js" } as const;

const peerRow = (c: CaseResult, key: string, threads: number): Result | undefined =>
  key === "tfjs" ? [rowOf(c, "tfjs-wasm", threads), rowOf(c, "tfjs-cpu", threads)].filter((r) => r !== undefined).sort((a, b) => timeOf(a) - timeOf(b))[0] : rowOf(c, key, threads);

/** The keys that some case has, in the order of the names. */
const present = (names: Readonly<Record<string, string>>, cases: readonly CaseResult[], threads: number): string[] => Object.keys(names).filter((key) => cases.some((c) => peerRow(c, key, threads)));

const sizes = ({ kind, L, B, I, H }: Case): string => (kind === "step" ? `${B > 1 ? `${B} sessions, ` : ""}${H}` : I === H ? `${L}, ${B}, ${H}` : `${L}, ${B}, ${I}, ${H}`);
/** What tells rows of one workload apart. */
const rowName = (c: Case): string => (c.cell === "gru" && c.layers === 1 && c.form === "after" ? sizes(c) : `${cellOf(c)}: ${sizes(c)}`);
const of = (report: Report, workload: string): readonly CaseResult[] => report.cases.filter((c) => c.case.workload === workload);

/** µs of a step: ours, the peers', and how fast the weights were read. */
function steps(cases: readonly CaseResult[], threads: number): string {
  const own = Object.keys(ours).filter((key) => cases.some((c) => rowOf(c, key, threads)));
  const best = own[0]!;
  const rounded = ["bf16", "int8"].filter((w) => cases.some((c) => rowOf(c, `${best}-${w}`, threads)));
  const others = present(peers, cases, threads);
  const µs = (r: Result | undefined) => (r ? digits(1000 * timeOf(r), 3) : "–");
  const head = ["H", ...own.map((key) => ours[key as keyof typeof ours]), ...(best === undefined ? [] : ["99th percentile"]), ...rounded, ...others.map((key) => peers[key as keyof typeof peers])];
  return table(
    head,
    cases.map((c) => {
      const first = rowOf(c, best, threads);
      return [
        ...[rowName(c.case), ...own.map((key) => µs(rowOf(c, key, threads)))],
        first ? digits(1000 * median(first.p99), 3) : "–",
        ...[...rounded.map((w) => µs(rowOf(c, `${best}-${w}`, threads))), ...others.map((key) => µs(peerRow(c, key, threads)))],
      ];
    }),
  );
}

/** ms of ours with the share of the peak, and of the peers with how many times as long as our fastest native backend, or WebAssembly without one. */
function runs(cases: readonly CaseResult[], threads: number): string {
  const own = Object.keys(ours).filter((key) => cases.some((c) => rowOf(c, key, threads)));
  const others = present(peers, cases, threads);
  const head = [cases[0]?.case.I === cases[0]?.case.H ? "L, B, H" : "", ...own.map((key) => ours[key as keyof typeof ours]), ...others.map((key) => peers[key as keyof typeof peers])];
  return table(
    head,
    cases.map((c) => {
      const base = nativeOf(c, threads) ?? rowOf(c, "wasm", threads);
      const mine = (r: Result | undefined) => {
        const share = r && ["forward", "train"].includes(c.case.kind) ? shareOfPeak(r, c.case) : undefined;
        return r ? `${digits(timeOf(r), 3)}${share === undefined ? "" : `, ${percent(share)}`}` : "–";
      };
      const theirs = (r: Result | undefined) => (r ? `${digits(timeOf(r), 3)}${base ? `, ${times(timeOf(r) / timeOf(base))}` : ""}` : "–");
      return [rowName(c.case), ...own.map((key) => mine(rowOf(c, key, threads))), ...others.map((key) => theirs(peerRow(c, key, threads)))];
    }),
  );
}

/** A workload by number of threads, one table each. */
function byThreads(report: Report, workload: string, rows = runs): string {
  const cases = of(report, workload);
  const counts = [...new Set(cases.flatMap((c) => c.results.map((r) => r.threads)))].sort((a, b) => a - b);
  return counts.map((threads) => `${threads === 1 ? "One thread" : `${threads} threads`}:\n\n${rows(cases, threads)}`).join("\n\n");
}

/** How many times as long as our WebAssembly the others that run in a browser take. */
function inBrowsers(report: Report): string {
  const cases = report.cases.filter((c) => rowOf(c, "wasm") && c.case.form === "after");
  const others = ["onnxruntime-web", "jax-js", "tfjs"].filter((key) => cases.some((c) => peerRow(c, key, 1)));
  const cell = (c: CaseResult, key: string) => {
    const r = peerRow(c, key, 1);
    return r ? times(timeOf(r) / timeOf(rowOf(c, "wasm")!)) : "–";
  };
  return table(["one thread", ...others.map((key) => peers[key as keyof typeof peers])], cases.map((c) => [`${c.case.workload}, ${rowName(c.case)}`, ...others.map((key) => cell(c, key))]));
}

/**
 * How many times as fast as on one thread, ours and the peers that have threads; of ours, in parentheses, how many times the multiply-adds on
 * registers of all threads together were those of one, beside these turns.
 */
function scaling(report: Report): string {
  const most = Math.max(...report.cases.flatMap((c) => c.results.map((r) => r.threads)));
  const cases = report.cases.filter((c) => c.case.form === "after" && c.results.some((r) => r.threads === most));
  const names: Readonly<Record<string, string>> = { ...ours, ...peers };
  const keys = most === 1 ? [] : Object.keys(names).filter((key) => cases.some((c) => rowOf(c, key) && rowOf(c, key, most)));
  if (keys.length === 0) return "One thread only.";
  const cell = (c: CaseResult, key: string) => {
    const [alone, all] = [rowOf(c, key), rowOf(c, key, most)];
    if (!alone || !all) return "–";
    const machine = alone.peaks.length > 0 && all.peaks.length > 0 ? ` (${times(median(all.peaks) / median(alone.peaks))})` : "";
    return times(timeOf(alone) / timeOf(all)) + machine;
  };
  return table([`${most} threads`, ...keys.map((key) => names[key]!)], cases.map((c) => [`${c.case.workload}, ${rowName(c.case)}`, ...keys.map((key) => cell(c, key))]));
}

/** What the addon chooses, then our WebAssembly beside what runs in a browser too; then, by workload, both that and AVX2 beside native code. */
function slower({ cases }: Report): string {
  const list = (lines: readonly string[]) => lines.map((line) => `- ${line}`).join("\n") || "- Nothing is faster.";
  const chosen = slowerLines(cases, (mine, _, c) => mine === nativeOf(c, mine.threads));
  const browser = slowerLines(cases, (mine, other) => mine.key === "wasm" && browserPeers.has(other.key));
  const rows = ["wasm", "avx2"].flatMap((key) =>
    [...new Set(cases.map((c) => c.case.workload))].map((workload) => {
      const range = (peer: string) => {
        const ratios = cases
          .filter((c) => c.case.workload === workload)
          .flatMap((c) => {
            const [mine, other] = [rowOf(c, key), rowOf(c, peer)];
            return mine && other ? [timeOf(mine) / timeOf(other)] : [];
          });
        const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((v) => digits(v, 2));
        return ratios.length === 0 ? "–" : low === high ? `${low}×` : `${low}–${high}×`;
      };
      return [`${ours[key as "wasm"]}, ${workload}`, ...native.map(range)];
    }),
  );
  return [
    "Our fastest native backend (what the addon chooses) is behind:",
    list(chosen),
    "Our WebAssembly is behind, of what runs in a browser too:",
    list(browser),
    "Native code uses all instructions that this processor has, 512-bit vectors. What our WebAssembly (128 bits) and our AVX2 kernels (256 bits, forced here) take on one thread, as a multiple of its time:",
    table(["", ...native.map((key) => peers[key])], rows.filter((row) => row.slice(1).some((cell) => cell !== "–"))),
  ].join("\n\n");
}
const native = ["onednn", "pytorch", "onnxruntime-node"] as const;

/** Models trained in a second: forecaster steps, characters. */
function rates(report: Report): string {
  const line = (c: CaseResult) => {
    const { case: k } = c;
    const unit = k.workload === "LM" ? "characters" : "steps";
    const rate = (r: Result) => `${r.name} ${digits((1000 / timeOf(r)) * (k.workload === "LM" ? k.L * k.B : 1), 3)}`;
    const alone = c.results.filter((r) => r.threads === 1).sort((a, b) => timeOf(a) - timeOf(b));
    return `- ${k.workload}, ${unit} a second on one thread: ${alone.map(rate).join(", ")}.`;
  };
  return [...of(report, "FC"), ...of(report, "LM")].filter((c) => c.case.form === "after").map(line).join("\n");
}

function conditions({ date, machine, command, minutes, rounds, cases }: Report): string {
  const all = cases.flatMap((c) => c.results);
  const several = cases.flatMap((c) => c.results.filter((r) => r.times.length > 2).map((r) => ({ row: `${r.name}${r.threads > 1 ? ` on ${r.threads} threads` : ""}, ${c.case.workload} ${rowName(c.case)}`, spread: spreadOf(r) })));
  const noisy = several.filter(({ spread }) => spread > 0.15).sort((a, b) => b.spread - a.spread);
  const worst = noisy.slice(0, 5).map(({ row, spread }) => `${row} (${percent(spread)})`).join("; ");
  const versions = new Map(all.filter((r) => !r.ours).map((r) => [r.name, r.version]));
  const share = median(all.map((r) => Math.min(1, r.busy / r.threads)));
  const busy = share < 0.8 && all.some((r) => r.threads > 1) ? " **Other work held the cores for the rest of it: the figures on more than one thread say nothing about a quiet machine.**" : "";
  return [
    `Measured on ${date}, ${machine}, with \`${command}\`, in ${minutes?.toFixed(0)} minutes; at most ${rounds} turns each. Processes had the processor ` +
      `${percent(share)} of their time (median); the middle half of a row's turns spans ${percent(median(all.map(spreadOf)))} of its median (median over rows). ` +
      `${noisy.length} of ${several.length} rows are above 15%${worst ? `, the widest ${worst}; every row's spread stands in the report` : ""}. Everybody was within ${Math.max(...all.filter((r) => r.tolerance < 1e-3).map((r) => r.off)).toExponential(1)} of float64.${busy}`,
    `Versions: ${[...versions].map(([name, version]) => `${name} ${version}`).join(", ")}.`,
  ].join("\n\n");
}

/** The parts by name. */
export const parts: Readonly<Record<string, (report: Report) => string>> = {
  conditions,
  due: dueTable,
  slower,
  limits: ({ limits }) => limitsTables(limits),
  steps: (report) => byThreads(report, "S", steps),
  forward: (report) => byThreads(report, "F"),
  training: (report) => byThreads(report, "TR"),
  models: (report) => [byThreads(report, "FC"), byThreads(report, "LM"), rates(report)].join("\n\n"),
  browsers: inBrowsers,
  threads: scaling,
  overhead: ({ overheads }) => overheadTable(overheads),
  memory: ({ footprints }) => footprintTable(footprints),
  bytes: ({ shipped }) => shippedTable(shipped),
};

/** `page` with every part written anew. @throws a part that there is none of, or that has no end */
export function fill(page: string, report: Report): string {
  const filled = page.replaceAll(/<!-- bench:(\S+) -->\n[\s\S]*?<!-- \/bench -->/g, (whole, name: string) => {
    if (!Object.hasOwn(parts, name) || whole.lastIndexOf("<!-- bench:") > 0) {
      throw new Error(`bench: the page's part "${name}" is ${Object.hasOwn(parts, name) ? "without an end" : "unknown"}, expected one of ${Object.keys(parts).join(", ")}, closed by <!-- /bench -->`);
    }
    return `<!-- bench:${name} -->\n${parts[name]!(report)}\n<!-- /bench -->`;
  });
  return filled;
}
