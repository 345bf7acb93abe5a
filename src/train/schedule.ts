/**
 * @file Learning rates over time: a function of the number of steps done and, for `plateau`, of validation results.
 * A schedule is JSON, or a text such as `cosine(1e-3, warmup=200)` on a command line.
 */
import { nearNames, SluiceError } from "../base/errors.ts";

/** A stretch of training: a number of steps, or epochs as in `"2 epochs"`. */
export type Span = number | `${number} epochs` | `${number} epoch`;

interface Common {
  /** Highest learning rate; left out: the optimizer's own. */
  readonly rate?: number;
  /** Before anything else the rate rises linearly over this stretch, from rate/(warmup+1); the schedule proper starts after it. */
  readonly warmup?: Span;
}
/** JSON of a schedule. Formulas: see `shapes` below; PyTorch's wherever PyTorch has one. */
export type ScheduleConfig = Common &
  (
    | { readonly kind: "constant" }
    /** rate·gamma^⌊t/every⌋ */
    | { readonly kind: "step"; readonly every?: Span; readonly gamma?: number }
    /** rate·gamma^(t/every) */
    | { readonly kind: "exponential"; readonly every?: Span; readonly gamma?: number }
    /** From rate to floor along half a cosine, over `steps` or what is planned, steps or else time (Loshchilov and Hutter 2017, arXiv:1608.03983). */
    | { readonly kind: "cosine"; readonly floor?: number; readonly steps?: Span }
    /** Up from rate/divide during the share `rise`, down to rate/divide/finalDivide after it (Smith and Topin 2018, arXiv:1708.07120). */
    | {
        readonly kind: "oneCycle";
        readonly steps?: Span;
        readonly rise?: number;
        readonly divide?: number;
        readonly finalDivide?: number;
      }
    /** Times `factor` when more than `patience` results in a row were no better than best·(1 − threshold). */
    | {
        readonly kind: "plateau";
        readonly factor?: number;
        readonly patience?: number;
        readonly threshold?: number;
        readonly cooldown?: number;
        readonly floor?: number;
      }
  );
export type ScheduleKind = ScheduleConfig["kind"];

/** What a schedule needs to know about the training that it serves. */
export interface Plan {
  /** Steps in all; Infinity when only a time limit ends the training. */
  readonly steps: number;
  readonly stepsPerEpoch: number;
  /** The rate where the schedule names none. */
  readonly rate: number;
  /** A time limit ends the training: with no number of steps planned, a cosine runs over that time. */
  readonly timed?: boolean;
}

/** What `plateau` has seen so far. JSON; null for the other kinds. */
export type ScheduleState = {
  readonly rate: number;
  readonly best: number | null;
  readonly bad: number;
  readonly cooldown: number;
} | null;

export interface Schedule {
  readonly config: ScheduleConfig;
  /**
   * The learning rate of the step after `step` finished ones.
   * @param elapsed share of the time limit that is over; counts only where time alone ends the training
   */
  rate(step: number, elapsed?: number): number;
  /** Takes in a validation result (lower is better). */
  observe(value: number): void;
  readonly state: ScheduleState;
  load(state: ScheduleState): void;
}

/** All numbers of a schedule, spans as steps. */
type Values = Readonly<Record<string, number>>;
interface Shape {
  /** Options with their defaults; a text is a span, "rest" the whole plan. */
  readonly defaults: Readonly<Record<string, number | string>>;
  /** The rate `t` steps after the warm-up; `elapsed` of the time is over. */
  at(t: number, rate: number, o: Values, elapsed: number): number;
  /** It can run over the time where no number of steps is planned. */
  readonly timed?: boolean;
}

const halfCosine = (from: number, to: number, share: number): number => to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share));

const shapes: { readonly [K in ScheduleKind]: Shape } = {
  constant: { defaults: {}, at: (_, rate) => rate },
  step: { defaults: { every: "10 epochs", gamma: 0.1 }, at: (t, rate, o) => rate * o["gamma"]! ** Math.floor(t / o["every"]!) },
  exponential: { defaults: { every: "1 epochs", gamma: 0.9 }, at: (t, rate, o) => rate * o["gamma"]! ** (t / o["every"]!) },
  cosine: {
    defaults: { floor: 0, steps: "rest" },
    at: (t, rate, o, elapsed) => halfCosine(rate, o["floor"]!, Math.min(1, o["steps"] === Infinity ? elapsed : t / o["steps"]!)),
    timed: true,
  },
  oneCycle: {
    defaults: { steps: "rest", rise: 0.3, divide: 25, finalDivide: 1e4 },
    at(t, rate, o) {
      const low = rate / o["divide"]!;
      const end = o["steps"]! - 1;
      const top = o["rise"]! * o["steps"]! - 1;
      if (t < top) return halfCosine(low, rate, t / top);
      return halfCosine(rate, low / o["finalDivide"]!, end > top ? Math.min(1, (t - top) / (end - top)) : 1);
    },
  },
  plateau: { defaults: { factor: 0.1, patience: 10, threshold: 1e-4, cooldown: 0, floor: 0 }, at: (_, rate) => rate },
};

/** Limits of the options; all others: a number from 0. */
const limits: Readonly<Record<string, readonly [test: (v: number) => boolean, due: string]>> = {
  rate: [(v) => v > 0, "a number above 0"],
  every: [(v) => v > 0, 'steps above 0, or epochs as in "2 epochs"'],
  steps: [(v) => v >= 1, 'steps from 1, or epochs as in "20 epochs"'],
  gamma: [(v) => v > 0 && v <= 1, "a number above 0, up to 1"],
  factor: [(v) => v > 0 && v < 1, "a number above 0, below 1"],
  threshold: [(v) => v >= 0 && v < 1, "a number from 0, below 1"],
  rise: [(v) => v > 0 && v < 1, "a number above 0, below 1"],
  divide: [(v) => v >= 1, "a number from 1"],
  finalDivide: [(v) => v >= 1, "a number from 1"],
};

const spans = new Set(["warmup", "every", "steps"]);

function stepsOf(span: number | string, stepsPerEpoch: number): number {
  if (typeof span === "number") return span;
  const m = /^(\S+) epochs?$/.exec(span);
  return m ? Math.round(Number(m[1]) * stepsPerEpoch) : Number.NaN;
}

/**
 * The schedule that `config` describes, for one training. A number is a constant rate; a text is read by `parseSchedule`.
 * @throws range: an option outside its limits, or a cosine or oneCycle whose end nobody knows
 */
export function schedule(config: ScheduleConfig | number | string | undefined, plan: Plan, where = "train: lr"): Schedule {
  const c: ScheduleConfig =
    config === undefined
      ? { kind: "constant" }
      : typeof config === "object"
        ? config
        : typeof config === "number"
          ? { kind: "constant", rate: config }
          : parseSchedule(config, where);
  checkSchedule(c, where);
  const shape = shapes[c.kind];
  const given = c as unknown as Readonly<Record<string, number | string | undefined>>;
  const rate = c.rate ?? plan.rate;
  const warmup = stepsOf(c.warmup ?? 0, plan.stepsPerEpoch);
  const o: Record<string, number> = {};
  for (const [name, otherwise] of Object.entries(shape.defaults)) {
    const v = given[name] ?? otherwise;
    o[name] =
      v === "rest" ? Math.max(1, plan.steps - warmup) : spans.has(name) ? Math.max(1, stepsOf(v, plan.stepsPerEpoch)) : Number(v);
    if (o[name] === Infinity && !(shape.timed && plan.timed)) {
      throw new SluiceError(
        "range",
        `${where}: ${c.kind} has no end, expected one; give the training epochs or steps, or the schedule: ${c.kind}(${rate}, steps=10000)`,
      );
    }
  }
  const plateau = c.kind === "plateau" ? new Plateau(rate, o) : null;
  return {
    config: c,
    rate(step, elapsed = 0) {
      const now = plateau ? plateau.rate : rate;
      return step < warmup ? (shape.at(0, now, o, 0) * (step + 1)) / (warmup + 1) : shape.at(step - warmup, now, o, elapsed);
    },
    observe: (value) => plateau?.observe(value),
    get state() {
      return plateau ? { rate: plateau.rate, best: plateau.best, bad: plateau.bad, cooldown: plateau.cooldown } : null;
    },
    load(state) {
      if (plateau && state) Object.assign(plateau, state);
    },
  };
}

/** torch.optim.lr_scheduler.ReduceLROnPlateau, mode min, threshold_mode rel. */
class Plateau {
  best: number | null = null;
  bad = 0;
  cooldown = 0;
  constructor(
    public rate: number,
    readonly o: Values,
  ) {}
  observe(value: number): void {
    const { factor, patience, threshold, cooldown, floor } = this.o as { [K in string]: number };
    if (this.best === null || value < this.best * (1 - threshold!)) {
      this.best = value;
      this.bad = 0;
    } else this.bad++;
    if (this.cooldown > 0) {
      this.cooldown--;
      this.bad = 0;
    }
    if (this.bad <= patience!) return;
    const next = Math.max(this.rate * factor!, floor!);
    if (this.rate - next > 1e-8) this.rate = next;
    this.cooldown = cooldown!;
    this.bad = 0;
  }
}

const example = 'a number above 0 or a schedule like "cosine(1e-3, warmup=200)"';
const optionsOf = (kind: ScheduleKind): string[] => ["rate", "warmup", ...Object.keys(shapes[kind].defaults)];
const meant = (got: string, known: readonly string[]): string => {
  const near = nearNames(got, known);
  return near.length > 0 ? `; did you mean "${near[0]}"?` : "";
};

/** @throws range, missing: no such schedule or option, or one outside its limits; `where` is the flag or option that is being read */
function checkSchedule(config: ScheduleConfig, where: string): void {
  const { kind, ...given } = config;
  if (!Object.hasOwn(shapes, kind)) {
    throw new SluiceError(
      "missing",
      `${where}: schedule is "${kind}", expected ${Object.keys(shapes).join(", ")}${meant(kind, Object.keys(shapes))}`,
    );
  }
  for (const [name, value] of Object.entries(given) as [string, number | string | undefined][]) {
    if (value === undefined) continue;
    const known = optionsOf(kind);
    if (!known.includes(name))
      throw new SluiceError(
        "missing",
        `${where}: ${kind} has no option "${name}", expected ${known.join(", ")}${meant(name, known)}`,
      );
    const [test, due] = limits[name] ?? [(v: number) => v >= 0, "a number from 0"];
    const number = typeof value === "string" && spans.has(name) ? Number(/^(\S+) epochs?$/.exec(value)?.[1]) : value;
    // A stretch in epochs may be a part of one; how many steps that is shows only later.
    const fits = typeof value === "string" && spans.has(name) ? (number as number) > 0 : test(number as number);
    if (typeof number !== "number" || !Number.isFinite(number) || !fits) {
      throw new SluiceError("range", `${where}: ${kind}'s ${name} is ${JSON.stringify(value)}, expected ${due}`, { name, value });
    }
  }
}

/**
 * Reads `0.001`, `cosine(1e-3, warmup=200)`, `step(1e-3, every=10 epochs, gamma=.5)`, `plateau(patience=3)`.
 * The first value without a name is the rate.
 * @param where said in front of an error: `train: --lr`
 * @throws usage: it is neither a number nor a schedule; missing, range: as `schedule`
 */
export function parseSchedule(text: string, where: string): ScheduleConfig {
  const refuse = () => new SluiceError("usage", `${where} is "${text}", expected ${example}`, { text });
  const call = /^\s*([a-z]+)\s*(?:\((.*)\))?\s*$/is.exec(text);
  if (!call) {
    const rate = readNumber(text);
    if (!(rate > 0 && Number.isFinite(rate))) throw refuse();
    return { kind: "constant", rate };
  }
  const kind = Object.keys(shapes).find((k) => k.toLowerCase() === call[1]!.toLowerCase());
  if (kind === undefined) {
    const near = meant(call[1]!, Object.keys(shapes));
    throw near ? new SluiceError("usage", `${refuse().message}${near}`, { text }) : refuse();
  }
  const config: Record<string, number | string> = { kind };
  const parts = call[2]?.trim() ? call[2].split(",") : [];
  for (const [i, part] of parts.entries()) {
    const m = /^\s*(?:([a-z]+)\s*=)?\s*(\S+?)\s*(epochs?)?\s*$/i.exec(part);
    if (!m || (m[1] === undefined && i > 0)) throw refuse();
    const name = m[1] ?? "rate";
    const number = readNumber(m[2]!);
    if (Number.isNaN(number) || Object.hasOwn(config, name)) throw refuse();
    config[name] = m[3] ? `${number} epochs` : number;
  }
  checkSchedule(config as unknown as ScheduleConfig, where);
  return config as unknown as ScheduleConfig;
}

/** A decimal number, NaN for anything else: Number() alone takes "", "0x1" and "Infinity". */
const readNumber = (text: string): number =>
  /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN;

/** The text that `parseSchedule` reads back as `config`. */
export function showSchedule(config: ScheduleConfig): string {
  const { kind, rate, ...rest } = config;
  const args = Object.entries(rest).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  return `${kind}(${[...(rate === undefined ? [] : [String(rate)]), ...args].join(", ")})`;
}
