/**
 * @file Random masks. A mask is a function of a generator's key and block (Philox), so backward draws it again instead of keeping
 * it, and kernels draw the same words as `Rng`.
 */
import { sizeOf } from "../base/axes.ts";
import { SluiceError } from "../base/errors.ts";
import type { Rng } from "../base/random.ts";
import type { Engine } from "../engine/engine.ts";
import { defineOp } from "../engine/op.ts";
import type { Tensor } from "../engine/tensor.ts";

/** A word below this is an event of probability p. */
const threshold = (p: number): number => Math.min(Math.round(p * 2 ** 32), 2 ** 32 - 1);
/** A block number as two 32-bit words. */
const words = (block: number): [low: number, high: number] => [block >>> 0, Math.floor(block / 2 ** 32)];

function checkProbability(where: string, p: number): void {
  if (!(p >= 0 && p < 1)) throw new SluiceError("range", `${where}: p is ${p}, expected a probability from 0 to below 1`, { p });
}

export const dropout = /* @__PURE__ */ defineOp({
  name: "dropout",
  doc: `Every element set to zero with probability p, the others divided by 1 − p.
    The draw is that of the generator key (key0, key1) from \`block\` on; \`dropoutBy\` takes them from an Rng.
    y = m ∘ x / (1 − p)`,
  source: "Srivastava et al. 2014, JMLR 15",
  inputs: { x: "..." },
  outputs: { y: "..." },
  options: { p: 0.5, key0: 0, key1: 0, block: 0 },
  check: (_, { p }) => checkProbability("dropout", p),
  forward: (k, p, { N }, o) => k.dropout_forward(p.y, p.x, N, 1 / (1 - o.p), threshold(o.p), o.key0, o.key1, ...words(o.block)),
  backward: (k, p, { N }, o) =>
    k.dropout_backward(p.dx, p.dy, N, 1 / (1 - o.p), threshold(o.p), o.key0, o.key1, ...words(o.block)),
  try: [{ N: 1 }, { N: 16 }, { N: 37 }],
  tryOptions: [{ p: 0 }, { p: 0.9, key0: 7, key1: 0xffffffff, block: 2 ** 32 - 1 }],
});

/** `x` with each element dropped with probability `p`, drawn from `rng`. @throws range: p is outside [0, 1) */
export function dropoutBy(x: Tensor, p: number, rng: Rng): Tensor {
  const [key0, key1] = rng.key;
  return dropout({ x }, { p, key0, key1, block: rng.reserve(x.size) }).y;
}

/**
 * A tensor of `scale` where a draw keeps an element and 0 where, with probability `p`, it doesn't. No gradient.
 * @throws range: `p` is outside [0, 1)
 */
export function bernoulli(
  engine: Engine,
  shape: readonly number[],
  { p, scale = 1, rng }: { p: number; scale?: number; rng: Rng },
): Tensor {
  checkProbability("bernoulli", p);
  const t = engine.make(shape);
  const n = sizeOf(shape);
  engine.kernels.bernoulli(t.ptr, n, scale, threshold(p), ...rng.key, ...words(rng.reserve(n)));
  return t;
}

/** Fills `t` with numbers uniform in [lo, hi), drawn from `rng`. */
export function fillUniform(t: Tensor, lo: number, hi: number, rng: Rng): void {
  t.engine.kernels.uniform(t.ptr, t.size, lo, hi, ...rng.key, ...words(rng.reserve(t.size)));
}
