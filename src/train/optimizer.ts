/**
 * @file Optimizers with PyTorch's names, defaults and formulas: one kernel call per parameter, state on the engine's heap.
 * An optimizer is `config` (JSON that rebuilds it), `tensors()` and `counters`; the three together resume it exactly.
 */
import { nearNames, SluiceError, showShape } from "../base/errors.ts";
import type { Kernels, Ptr } from "../engine/abi.gen.ts";
import type { Param, Tensor } from "../engine/index.ts";

/** What every optimizer takes. */
export interface DecayOptions {
  /** Strength of weight decay, ≥ 0. AdamW shrinks the weights by lr·weightDecay, the others add weightDecay·weight to the gradient. */
  weightDecay: number;
  /** Which parameters decay: all of them (as PyTorch), or only those with two axes and more, which leaves out biases and gains. */
  decayOn: "all" | "matrices";
}
/** @see torch.optim.SGD */
export interface SgdOptions extends DecayOptions {
  momentum: number;
  dampening: number;
  nesterov: boolean;
}
/** @see torch.optim.RMSprop; Tieleman and Hinton 2012; centered: Graves 2013, arXiv:1308.0850 */
export interface RmspropOptions extends DecayOptions {
  alpha: number;
  eps: number;
  momentum: number;
  centered: boolean;
}
/** @see torch.optim.Adam; Kingma and Ba 2015, arXiv:1412.6980; AdamW: Loshchilov and Hutter 2019, arXiv:1711.05101 */
export interface AdamOptions extends DecayOptions {
  betas: readonly [number, number];
  eps: number;
  amsgrad: boolean;
}
/** @see torch.optim.Adagrad; Duchi et al. 2011 */
export interface AdagradOptions extends DecayOptions {
  lrDecay: number;
  initialAccumulatorValue: number;
  eps: number;
}

interface OptionsOf {
  sgd: SgdOptions;
  rmsprop: RmspropOptions;
  adam: AdamOptions;
  adamw: AdamOptions;
  adagrad: AdagradOptions;
}
export type OptimizerKind = keyof OptionsOf;
/** JSON that rebuilds an optimizer; what is left out has PyTorch's default. */
export type OptimizerConfig = { [K in OptimizerKind]: { readonly kind: K } & Readonly<Partial<OptionsOf[K]>> }[OptimizerKind];

/** Beside the rate: what clipping found. */
export interface StepOptions {
  /** Factor on every gradient, as `clipFactor` gives it; 1 when left out. */
  scale?: number;
  /** Gradients are cut to ±clipValue after scaling; 0 or left out: not at all. */
  clipValue?: number;
}

/** Numbers as a checkpoint holds them. */
export interface SavedTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

interface Update {
  k: Kernels;
  x: Ptr;
  g: Ptr;
  /** Addresses of the slots, 0 for one that these options do without. */
  slot: Ptr[];
  n: number;
  lr: number;
  /** Updates of this parameter so far, this one included. */
  t: number;
  weightDecay: number;
  scale: number;
  clip: number;
}

/** How one kind works: its defaults, the state it keeps per parameter (PyTorch's names), its kernel. */
interface Rule<O extends DecayOptions> {
  defaults: O;
  /** Learning rate when none is given. */
  rate: number;
  slots: readonly string[];
  /** Whether these options need a slot. */
  needs(o: O, slot: string): boolean;
  /** What a slot holds at first. */
  initial?(o: O): number;
  update(u: Update, o: O): void;
}

const decay: DecayOptions = { weightDecay: 0, decayOn: "all" };

function adamRule(decoupled: boolean, weightDecay: number): Rule<AdamOptions> {
  return {
    defaults: { ...decay, weightDecay, betas: [0.9, 0.999], eps: 1e-8, amsgrad: false },
    rate: 1e-3,
    slots: ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"],
    needs: (o, slot) => slot !== "max_exp_avg_sq" || o.amsgrad,
    update({ k, x, g, slot: [m, v, top], n, lr, t, weightDecay, scale, clip }, { betas: [beta1, beta2], eps }) {
      const correction1 = 1 - beta1 ** t;
      const correction2 = 1 - beta2 ** t;
      k.adam_update(x, m!, v!, top!, g, n, lr, beta1, beta2, eps, weightDecay, +decoupled, correction1, correction2, scale, clip);
    },
  };
}

const rules: { readonly [K in OptimizerKind]: Rule<OptionsOf[K]> } = {
  sgd: {
    defaults: { ...decay, momentum: 0, dampening: 0, nesterov: false },
    rate: 1e-3,
    slots: ["momentum_buffer"],
    needs: (o) => o.momentum !== 0,
    update: ({ k, x, g, slot: [m], n, lr, t, weightDecay, scale, clip }, o) =>
      k.sgd_update(x, m!, g, n, lr, o.momentum, o.dampening, weightDecay, +o.nesterov, +(t === 1), scale, clip),
  },
  rmsprop: {
    defaults: { ...decay, alpha: 0.99, eps: 1e-8, momentum: 0, centered: false },
    rate: 1e-2,
    slots: ["square_avg", "grad_avg", "momentum_buffer"],
    needs: (o, slot) => slot === "square_avg" || (slot === "grad_avg" ? o.centered : o.momentum !== 0),
    update: ({ k, x, g, slot: [v, a, m], n, lr, weightDecay, scale, clip }, o) =>
      k.rmsprop_update(x, v!, a!, m!, g, n, lr, o.alpha, o.eps, o.momentum, weightDecay, scale, clip),
  },
  adam: adamRule(false, 0),
  adamw: adamRule(true, 1e-2),
  adagrad: {
    defaults: { ...decay, lrDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 },
    rate: 1e-2,
    slots: ["sum"],
    needs: () => true,
    initial: (o) => o.initialAccumulatorValue,
    update: ({ k, x, g, slot: [v], n, lr, t, weightDecay, scale, clip }, o) =>
      k.adagrad_update(x, v!, g, n, lr / (1 + (t - 1) * o.lrDecay), o.eps, weightDecay, scale, clip),
  },
};

export const optimizerKinds = Object.keys(rules) as readonly OptimizerKind[];

interface ParamState {
  /** In the rule's order; null for one that these options do without. */
  slots: (Tensor | null)[];
  steps: number;
}

/** Updates parameters from their gradients and remembers what it needs from one step to the next. */
export class Optimizer {
  readonly kind: OptimizerKind;
  /** All options, defaults included. */
  readonly config: OptimizerConfig;
  /** PyTorch's learning rate for this kind, used where none is given. */
  readonly rate: number;
  readonly #rule: Rule<DecayOptions>;
  readonly #options: DecayOptions;
  readonly #decays: (p: Param) => boolean;
  readonly #state = new Map<Param, ParamState>();

  /**
   * @param decays which parameters weight decay touches; left out: what `decayOn` says. A function is not part of `config`: give it again when rebuilding.
   * @throws missing: no such kind or option; range: an option outside its limits
   */
  constructor(config: OptimizerConfig, decays?: (p: Param) => boolean) {
    const { kind, ...given } = config;
    if (!Object.hasOwn(rules, kind)) throw unknown(`optimizer: kind is "${kind}"`, kind, optimizerKinds);
    this.kind = kind;
    // One rule takes its own options only, which the union of configs says and the compiler can't follow through the table.
    this.#rule = rules[kind] as unknown as Rule<DecayOptions>;
    this.rate = this.#rule.rate;
    this.#options = checkOptions(kind, this.#rule.defaults, given);
    this.config = { kind, ...this.#options } as OptimizerConfig;
    this.#decays = decays ?? (this.#options.decayOn === "all" ? () => true : (p) => p.shape.length >= 2);
  }

  /**
   * Updates every parameter that has a gradient and is not frozen; gradients are read, not changed.
   * @param lr learning rate, finite and ≥ 0
   */
  step(params: readonly Param[], lr: number, { scale = 1, clipValue: clip = 0 }: StepOptions = {}): void {
    if (!(Number.isFinite(lr) && lr >= 0))
      throw new SluiceError("range", `${this.kind}: learning rate is ${lr}, expected a number from 0`, { lr });
    for (const p of params) {
      if (p.frozen || p.gradPtr === 0) continue;
      const state = this.#stateOf(p);
      state.steps++;
      const weightDecay = this.#decays(p) ? this.#options.weightDecay : 0;
      const slot = state.slots.map((s) => s?.ptr ?? 0);
      this.#rule.update(
        { k: p.engine.kernels, x: p.ptr, g: p.gradPtr, slot, n: p.size, lr, t: state.steps, weightDecay, scale, clip },
        this.#options,
      );
    }
  }

  /** The state itself, not a copy: `optimizer.<parameter>.<slot>`. Empty before the first step. */
  tensors(): Record<string, Tensor> {
    const named: Record<string, Tensor> = {};
    for (const [p, { slots }] of this.#state) {
      for (const [i, slot] of this.#rule.slots.entries()) if (slots[i]) named[`optimizer.${p.name}.${slot}`] = slots[i];
    }
    return named;
  }

  /** Updates so far by parameter: the part of the state that is JSON. */
  get counters(): Record<string, number> {
    return Object.fromEntries([...this.#state].map(([p, { steps }]) => [p.name, steps]));
  }

  /**
   * Continues from a saved state; what this optimizer held is dropped.
   * @throws missing, shape: a tensor that the counters call for is not there or has another shape
   */
  load(
    params: readonly Param[],
    tensors: Readonly<Record<string, SavedTensor>>,
    counters: Readonly<Record<string, number>>,
  ): void {
    this.#state.clear();
    for (const p of params) {
      if (!Object.hasOwn(counters, p.name)) continue;
      const state = this.#stateOf(p);
      state.steps = counters[p.name]!;
      p.engine.gradOf(p); // it had a gradient, and one of zeros still moves a parameter that has momentum
      for (const [i, slot] of this.#rule.slots.entries()) {
        const to = state.slots[i];
        const name = `optimizer.${p.name}.${slot}`;
        if (to) loadTensor(name, to, Object.hasOwn(tensors, name) ? tensors[name] : undefined);
      }
    }
  }

  /** As before the first step; the memory of the state is used again. */
  reset(): void {
    for (const state of this.#state.values()) {
      state.steps = 0;
      for (const slot of state.slots) slot?.data.fill(this.#initial);
    }
  }

  get #initial(): number {
    return this.#rule.initial?.(this.#options) ?? 0;
  }

  #stateOf(p: Param): ParamState {
    let state = this.#state.get(p);
    if (state === undefined) {
      const slots = this.#rule.slots.map((slot) => {
        if (!this.#rule.needs(this.#options, slot)) return null;
        const t = p.engine.keep(p); // the one way to the heap from inside a step's scope
        t.data.fill(this.#initial);
        return t;
      });
      state = { slots, steps: 0 };
      this.#state.set(p, state);
    }
    return state;
  }
}

/**
 * Copies saved numbers into a tensor.
 * @throws missing, shape: they are not there, or are those of another shape
 */
export function loadTensor(name: string, to: Tensor, from: SavedTensor | undefined): void {
  if (from === undefined)
    throw new SluiceError(
      "missing",
      `checkpoint: no tensor "${name}", expected ${showShape(to.shape)}; it was made by another model or optimizer`,
      { name },
    );
  if (showShape(from.shape) !== showShape(to.shape)) {
    throw new SluiceError(
      "shape",
      `checkpoint: "${name}" is ${showShape(from.shape)}, expected ${showShape(to.shape)} (from the model)`,
      { name },
    );
  }
  to.data.set(from.data);
}

const unknown = (what: string, got: string, known: readonly string[]): SluiceError => {
  const near = nearNames(got, known);
  return new SluiceError(
    "missing",
    `${what}, expected ${known.join(", ")}${near.length > 0 ? `; did you mean "${near[0]}"?` : ""}`,
    { got },
  );
};

const isShare = (v: unknown): boolean => typeof v === "number" && v >= 0 && v < 1;

/** Defaults overlaid with what was given, each checked by name and range. */
function checkOptions<O extends DecayOptions>(kind: string, defaults: O, given: object): O {
  for (const [name, value] of Object.entries(given)) {
    const like = (defaults as Record<string, unknown>)[name];
    if (!Object.hasOwn(defaults, name)) throw unknown(`${kind}: option is "${name}"`, name, Object.keys(defaults));
    if (value === undefined) continue;
    const [fits, due] =
      name === "betas"
        ? [Array.isArray(value) && value.length === 2 && value.every(isShare), "two numbers from 0, below 1"]
        : name === "decayOn"
          ? [value === "all" || value === "matrices", '"all" or "matrices"']
          : typeof like === "boolean"
            ? [typeof value === "boolean", "true or false"]
            : [typeof value === "number" && Number.isFinite(value) && value >= 0, "a number from 0"];
    if (!fits) throw new SluiceError("range", `${kind}: ${name} is ${JSON.stringify(value)}, expected ${due}`, { name, value });
  }
  const o = { ...defaults, ...Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)) };
  const s = o as Partial<SgdOptions>;
  if (s.nesterov && (s.momentum === 0 || s.dampening !== 0)) {
    throw new SluiceError(
      "range",
      `${kind}: nesterov is true with momentum ${s.momentum} and dampening ${s.dampening}, expected momentum above 0 and dampening 0`,
    );
  }
  return o;
}

/** Rebuilds an optimizer from its `config`, without its state (see `Optimizer.load`). */
export const optimizerFrom = (config: OptimizerConfig, decays?: (p: Param) => boolean): Optimizer =>
  new Optimizer(config, decays);

type Decays = (p: Param) => boolean;
/** Stochastic gradient descent; learning rate 1e-3 unless given to the loop. */
export const sgd = (options: Partial<SgdOptions> = {}, decays?: Decays): Optimizer =>
  new Optimizer({ kind: "sgd", ...options }, decays);
/** RMSprop; learning rate 1e-2 unless given to the loop. */
export const rmsprop = (options: Partial<RmspropOptions> = {}, decays?: Decays): Optimizer =>
  new Optimizer({ kind: "rmsprop", ...options }, decays);
/** Adam; learning rate 1e-3 unless given to the loop. */
export const adam = (options: Partial<AdamOptions> = {}, decays?: Decays): Optimizer =>
  new Optimizer({ kind: "adam", ...options }, decays);
/** Adam with decoupled weight decay, 1e-2 unless given; learning rate 1e-3 unless given to the loop. */
export const adamw = (options: Partial<AdamOptions> = {}, decays?: Decays): Optimizer =>
  new Optimizer({ kind: "adamw", ...options }, decays);
/** Adagrad; learning rate 1e-2 unless given to the loop. */
export const adagrad = (options: Partial<AdagradOptions> = {}, decays?: Decays): Optimizer =>
  new Optimizer({ kind: "adagrad", ...options }, decays);
