/** @file How good probabilities are: accuracy, F1, confusion, and whether 80% means 80%. Runs in browsers. */

/** Scores of one class. */
export interface ClassScores {
  name: string;
  /** Items that have it. */
  items: number;
  precision: number;
  recall: number;
  f1: number;
}

/** Items whose stated probability lies in one bin. */
export interface ReliabilityBin {
  from: number;
  to: number;
  count: number;
  /** Mean stated probability, and the share that was right. */
  confidence: number;
  accuracy: number;
}

export interface Scores {
  items: number;
  /** Share of items whose most likely class is the true one; with several labels: whose set of labels is exactly right. */
  accuracy: number;
  /** Mean of the classes' F1; a class that neither occurs nor is answered is left out. */
  macroF1: number;
  /** Several labels only: F1 over all items and labels together. */
  microF1?: number;
  /** Mean negative log likelihood in nats; with several labels per item and class. */
  nats: number;
  /** Expected calibration error over 15 bins of equal width. */
  ece: number;
  classes: ClassScores[];
  /** [true class][answered class] counts; absent with several labels. */
  confusion?: number[][];
  reliability: ReliabilityBin[];
}

const BINS = 15;

/** Which class of row `i` of [N, C] is largest; the first of equals. */
export function argMax(rows: ArrayLike<number>, i: number, C: number): number {
  let best = 0;
  for (let c = 1; c < C; c++) if (rows[i * C + c]! > rows[i * C + best]!) best = c;
  return best;
}

/**
 * Scores of probabilities [N, C].
 * @param truth classes of each item
 * @param options.multiLabel every class is a yes or no of its own
 * @see Guo et al. 2017, arXiv:1706.04599, for the calibration error
 */
export function score(probabilities: ArrayLike<number>, truth: readonly ArrayLike<number>[], names: readonly string[], { multiLabel = false, threshold = 0.5 } = {}): Scores {
  const C = names.length;
  const N = truth.length;
  const hits = new Float64Array(C);
  const answered = new Float64Array(C);
  const actual = new Float64Array(C);
  const confusion = Array.from({ length: C }, () => new Array<number>(C).fill(0));
  const bins = Array.from({ length: BINS }, () => ({ count: 0, confidence: 0, right: 0 }));
  const put = (p: number, right: boolean) => {
    const bin = bins[Math.min(BINS - 1, Math.floor(p * BINS))]!;
    bin.count++;
    bin.confidence += p;
    bin.right += +right;
  };
  let exact = 0;
  let nats = 0;
  for (let i = 0; i < N; i++) {
    const own = Array.from(truth[i]!);
    for (const c of own) actual[c]!++;
    if (!multiLabel) {
      const t = own[0]!;
      const best = argMax(probabilities, i, C);
      answered[best]!++;
      confusion[t]![best]!++;
      if (best === t) {
        hits[t]!++;
        exact++;
      }
      nats -= Math.log(Math.max(probabilities[i * C + t]!, 1e-300));
      put(probabilities[i * C + best]!, best === t);
      continue;
    }
    let same = true;
    for (let c = 0; c < C; c++) {
      const p = probabilities[i * C + c]!;
      const yes = own.includes(c);
      const said = p >= threshold;
      same &&= yes === said;
      if (said) answered[c]!++;
      if (said && yes) hits[c]!++;
      nats -= Math.log(Math.max(yes ? p : 1 - p, 1e-300)) / C;
      put(said ? p : 1 - p, said === yes);
    }
    exact += +same;
  }
  const classes = names.map((name, c) => ({ name, items: actual[c]!, precision: share(hits[c]!, answered[c]!), recall: share(hits[c]!, actual[c]!), f1: share(2 * hits[c]!, answered[c]! + actual[c]!) }));
  const met = classes.filter((_, c) => answered[c]! + actual[c]! > 0);
  const all = bins.reduce((sum, b) => sum + b.count, 0);
  const sum = (v: Float64Array) => v.reduce((a, b) => a + b, 0);
  return {
    items: N,
    accuracy: share(exact, N),
    macroF1: share(met.reduce((a, c) => a + c.f1, 0), met.length),
    ...(multiLabel ? { microF1: share(2 * sum(hits), sum(answered) + sum(actual)) } : {}),
    nats: N > 0 ? nats / N : 0,
    ece: bins.reduce((e, b) => e + Math.abs(b.confidence - b.right), 0) / Math.max(1, all),
    classes,
    ...(multiLabel ? {} : { confusion }),
    reliability: bins.map((b, i) => ({ from: i / BINS, to: (i + 1) / BINS, count: b.count, confidence: share(b.confidence, b.count), accuracy: share(b.right, b.count) })),
  };
}

const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);
