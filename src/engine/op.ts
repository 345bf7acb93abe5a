/** @file How an op is declared: axes, forward, gradient, words and test sizes in one object. Calling the object checks, allocates and records. */
import { type Axes, type Binding, bindAxes, type Dims, explainAxes, parseAxes, shapeOf } from "../base/axes.ts";
import { SluiceError } from "../base/errors.ts";
import type { Kernels, Ptr } from "./abi.gen.ts";
import { checkFinite, report } from "./debug.ts";
import type { Engine, Kept } from "./engine.ts";
import type { Tensor } from "./tensor.ts";

type Words = Readonly<Record<string, string>>;
type Options = Readonly<Record<string, number | boolean | string>>;
type Widen<O> = { readonly [K in keyof O]: O[K] extends number ? number : O[K] extends boolean ? boolean : O[K] extends string ? string : O[K] };
type OptionalKeys<W extends Words> = { [K in keyof W]: W[K] extends `${string}?` ? K : never }[keyof W];
/** The tensors that a call takes: those whose words end in "?" may be left out. */
export type Inputs<I extends Words> = { readonly [K in Exclude<keyof I, OptionalKeys<I>>]: Tensor } & {
  readonly [K in OptionalKeys<I>]?: Tensor | undefined;
};
/** The tensors that a call makes: those whose words end in "?" only when asked for. */
export type Outputs<O extends Words> = { readonly [K in Exclude<keyof O, OptionalKeys<O>>]: Tensor } & {
  readonly [K in OptionalKeys<O>]?: Tensor;
};

type Digit = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9";
type Letter<A extends string> = A extends `${Digit}${infer R}`
  ? Letter<R>
  : A extends "" | "?" | "int" | "const"
    ? never
    : A extends "..."
      ? "N"
      : A;
type Letters<S extends string> = S extends `${infer A} ${infer R}` ? Letter<A> | Letters<R> : Letter<S>;
/** The sizes that the inputs bind, and those that `derive` adds: `{ L: number; B: number; H: number }`. */
export type Sizes<I extends Words, E> = { readonly [K in Letters<I[keyof I] & string>]: number } & { readonly [K in keyof E]: number };
type Pointers<X> = { readonly [K in keyof X]: Ptr };
type Gradients<X> = { readonly [K in keyof X & string as `d${K}`]: Ptr };

export interface OpSpec<I extends Words, O extends Words, S extends Words, A extends Options, E extends Dims> {
  readonly name: string;
  /** One sentence, then the formula. */
  readonly doc: string;
  /** The paper or convention that it follows. */
  readonly source?: string;
  /** "?" may be left out; "int" and "const" never have a gradient. */
  readonly inputs: I;
  /** "?" is made only when asked for. */
  readonly outputs: O;
  /** Kept from forward for backward; its address is 0 when nothing is being recorded. */
  readonly saved?: S;
  /** Names of the blocks that the last but one axis of a saved buffer is made of, so that DEBUG=4 can name the gate. */
  readonly blocks?: { readonly [K in keyof S]?: readonly string[] };
  /** What a call may set beside its tensors, with the values it has otherwise. */
  readonly options?: A;
  /** Further sizes, computed from those that the inputs bind. */
  readonly derive?: (n: Sizes<I, unknown>, o: Widen<A>, given: ReadonlySet<string>) => E;
  /** Throws for what the words can't say; `where` is the op's name. */
  readonly check?: (n: Sizes<I, E>, o: Widen<A>, given: ReadonlySet<string>, where: string) => void;
  /** Elements of scratch that forward works in. */
  readonly work?: (k: Kernels, n: Sizes<I, E>, o: Widen<A>) => number;
  /** Elements of scratch that backward works in, when it is not as much as forward. */
  readonly backwardWork?: (k: Kernels, n: Sizes<I, E>, o: Widen<A>) => number;
  /** Elements that forward keeps beside a parameter, zeros at first, from one call to the next; 0 where that is not worth it. */
  readonly kept?: { readonly beside: keyof I & string; size(k: Kernels, n: Sizes<I, E>, o: Widen<A>, p: Pointers<I>): number };
  forward(k: Kernels, p: Pointers<I> & Pointers<O> & Pointers<S> & { kept: Ptr; work: Ptr }, n: Sizes<I, E>, o: Widen<A>): void;
  /**
   * Adds into p.d<input>; 0 means that nobody asked. With several outputs a p.d<output> is 0 where no gradient reached it.
   * Left out: the op has no gradient.
   */
  backward?(
    k: Kernels,
    p: Pointers<I> & Pointers<O> & Pointers<S> & Gradients<I> & Gradients<O> & { work: Ptr },
    n: Sizes<I, E>,
    o: Widen<A>,
  ): void;
  /** Sizes that the table-wide tests try. */
  readonly try: readonly Sizes<I, unknown>[];
  /** Integer inputs for those sizes, where not any numbers will do. */
  readonly tryInts?: (n: Dims) => Readonly<Record<string, readonly number[]>>;
  /** Options that the table-wide tests try beside the defaults. */
  readonly tryOptions?: readonly Partial<Widen<A>>[];
}

/** What a call may say beside its tensors. */
export type CallOptions<O extends Words, A extends Options> = Partial<Widen<A>> & { readonly want?: readonly (OptionalKeys<O> & string)[] };

/** What the table-wide tests and the reference page see of any op. */
export interface Op {
  (x: Readonly<Record<string, Tensor | undefined>>, options?: Readonly<Record<string, unknown>>): Readonly<Record<string, Tensor>>;
  readonly spec: {
    readonly name: string;
    readonly doc: string;
    readonly source?: string;
    readonly inputs: Words;
    readonly outputs: Words;
    readonly saved?: Words;
    readonly blocks?: Readonly<Record<string, readonly string[] | undefined>>;
    readonly options?: Options;
    readonly backward?: unknown;
    readonly try: readonly Dims[];
    readonly tryInts?: (n: Dims) => Readonly<Record<string, readonly number[]>>;
    readonly tryOptions?: readonly object[];
  };
}

interface Slot {
  readonly name: string;
  readonly spec: Axes;
  /** Key of the gradient's address. */
  readonly grad: string;
}
const slots = (words: Words = {}): Slot[] => Object.keys(words).map((name) => ({ name, spec: parseAxes(words[name]!), grad: `d${name}` }));

/** Declares an op. The result is called with tensors and options and returns the outputs by name. */
export function defineOp<
  const I extends Words,
  const O extends Words,
  const S extends Words = Record<never, string>,
  const A extends Options = Record<never, never>,
  E extends Dims = Record<never, never>,
>(spec: OpSpec<I, O, S, A, E>) {
  const inputs = slots(spec.inputs);
  const outputs = slots(spec.outputs);
  const saved = slots(spec.saved);
  const defaults = (spec.options ?? {}) as Widen<A>;
  const keeps: Kept = new WeakMap();

  const call = (x: Inputs<I>, options?: CallOptions<O, A>): Outputs<O> => {
    const tensors = x as Readonly<Record<string, Tensor | undefined>>;
    const o = options === undefined ? defaults : ({ ...defaults, ...options } as Widen<A>);
    const want = options?.want as readonly string[] | undefined;
    const p: Record<string, Ptr> = {};
    const binding: Binding = { dims: {}, lead: null };
    let engine: Engine | null = null;
    let gradient = false;
    for (let i = 0; i < inputs.length; i++) {
      const { name, spec: axes } = inputs[i]!;
      const t = tensors[name];
      if (t === undefined) {
        if (!axes.optional) throw new SluiceError("missing", `${spec.name}: ${name} is missing, expected [${axes.text}]`, { op: spec.name, input: name });
        p[name] = 0;
        continue;
      }
      engine ??= t.engine;
      if (t.engine !== engine) throw new SluiceError("state", `${spec.name}: ${name} belongs to another engine than the inputs before it; copy its numbers over`);
      t.assertAlive(`${spec.name}: ${name}`);
      if ((axes.kind === "int") !== (t.kind === "int")) {
        throw new SluiceError("type", `${spec.name}: ${name} holds ${t.kind === "int" ? "integers" : "reals"}, expected ${axes.kind === "int" ? "integers (engine.ints)" : "reals"}`);
      }
      if (!bindAxes(axes, t.shape, binding)) {
        throw explainAxes(spec.name, inputs.slice(0, i + 1).flatMap((s) => (tensors[s.name] ? [{ ...s, shape: tensors[s.name]!.shape }] : [])));
      }
      p[name] = t.ptr;
      gradient ||= t.needsGrad && axes.kind === "real";
    }
    if (engine === null) throw new SluiceError("missing", `${spec.name}: no tensor given, expected ${inputs.map((s) => s.name).join(", ")}`);
    const given = spec.derive || spec.check ? new Set(inputs.flatMap((s) => (p[s.name] === 0 ? [] : [s.name]))) : null;
    if (spec.derive) Object.assign(binding.dims, spec.derive(binding.dims as never, o, given!));
    spec.check?.(binding.dims as never, o, given!, spec.name);
    const n = binding.dims as Sizes<I, E>;
    const e: Engine = engine;
    const record = gradient && e.recording && spec.backward !== undefined;

    const made: Record<string, Tensor> = {};
    for (const { name, spec: axes } of outputs) {
      if (axes.optional && !want?.includes(name)) {
        p[name] = 0;
        continue;
      }
      const t = e.make(shapeOf(axes, binding), axes.kind === "int" ? "int" : "real", record && axes.kind === "real");
      made[name] = t;
      p[name] = t.ptr;
    }
    const kept: Tensor[] = []; // the tape holds them: outside a scope their memory lives as long as they do
    for (const { name, spec: axes } of saved) {
      if (record) {
        const t = e.make(shapeOf(axes, binding), axes.kind === "int" ? "int" : "real");
        kept.push(t);
        p[name] = t.ptr;
      } else p[name] = 0;
    }
    const started = e.debug >= 2 ? performance.now() : 0;
    const mark = e.memory.mark();
    p["work"] = spec.work ? e.memory.take(spec.work(e.kernels, n, o) * e.bytes) : 0;
    p["kept"] = spec.kept ? e.keepBeside(tensors[spec.kept.beside]!, keeps, spec.kept.size(e.kernels, n, o, p as never) * e.bytes) : 0;
    spec.forward(e.kernels, p as never, n, o);
    e.memory.release(mark);
    if (e.debug >= 2) report(e, spec.name, started, tensors, made);
    if (e.watch || e.debug >= 4) checkFinite(e, op as unknown as Op, tensors, made, kept, "forward");

    if (record) {
      const outs = outputs.flatMap((s) => (made[s.name] ? [{ slot: s, t: made[s.name]! }] : []));
      e.remember({
        backward() {
          let reached = false;
          for (const { slot, t } of outs) {
            p[slot.grad] = t.gradPtr;
            reached ||= t.gradPtr !== 0;
          }
          if (!reached) return;
          for (const { name, grad, spec: axes } of inputs) {
            const t = tensors[name];
            p[grad] = t?.needsGrad && axes.kind === "real" && !isFrozen(t) ? e.gradOf(t) : 0;
          }
          const back = e.memory.mark();
          const size = spec.backwardWork ?? spec.work;
          p["work"] = size ? e.memory.take(size(e.kernels, n, o) * e.bytes) : 0;
          const from = e.debug >= 2 ? performance.now() : 0;
          spec.backward!(e.kernels, p as never, n, o);
          e.memory.release(back);
          if (e.debug >= 2) report(e, `${spec.name} backward`, from, tensors, made);
          if (e.watch || e.debug >= 4) checkFinite(e, op as unknown as Op, tensors, made, kept, "backward");
        },
      });
    }
    return made as Outputs<O>;
  };
  const op = Object.defineProperty(Object.assign(call, { spec }), "name", { value: spec.name });
  return op;
}

/** Frozen parameters, and views of them, ask for no gradient. */
const isFrozen = (t: Tensor): boolean => ((t.base ?? t) as { frozen?: boolean }).frozen === true;
