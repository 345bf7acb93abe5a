/** @file First values of parameters, drawn from a generator that was passed in, or not drawn at all when weights are about to be loaded. */
import type { Rng } from "../base/random.ts";
import type { Engine } from "../engine/engine.ts";
import type { Param } from "../engine/tensor.ts";

/** `sluice`: Glorot input weights, orthogonal recurrent weights, zero biases. `pytorch`: what torch.nn draws. */
export type InitScheme = "sluice" | "pytorch";

/** Where layers get their parameters from. */
export class Init {
  /** @param rng null when weights are about to be loaded: parameters are then left at zero and nothing is drawn */
  constructor(
    readonly engine: Engine,
    readonly rng: Rng | null,
    readonly scheme: InitScheme = "sluice",
  ) {}

  zeros(shape: readonly number[]): Param {
    return this.engine.param(shape);
  }

  constant(shape: readonly number[], value: number): Param {
    const p = this.engine.param(shape);
    p.data.fill(this.rng ? value : 0);
    return p;
  }

  /** Uniform in [-bound, bound). */
  uniform(shape: readonly number[], bound: number): Param {
    return this.#draw(shape, (rng) => bound * (2 * rng.uniform() - 1));
  }

  /** Normal with mean 0 and the given standard deviation. */
  normal(shape: readonly number[], deviation: number): Param {
    return this.#draw(shape, (rng) => deviation * rng.normal());
  }

  /**
   * [gates × rows, columns], each gate uniform with bound √(6 / (rows + columns)).
   * @see Glorot and Bengio 2010, equation 16
   */
  glorot(gates: number, rows: number, columns: number): Param {
    return this.uniform([gates * rows, columns], Math.sqrt(6 / (rows + columns)));
  }

  /**
   * [gates × rows, columns], each gate with orthonormal rows (or columns, whichever are fewer).
   * @see Saxe et al. 2014, arXiv:1312.6120
   */
  orthogonal(gates: number, rows: number, columns: number): Param {
    const p = this.engine.param([gates * rows, columns]);
    if (this.rng === null) return p;
    const data = p.data;
    for (let g = 0; g < gates; g++) data.set(orthonormal(rows, columns, this.rng), g * rows * columns);
    return p;
  }

  #draw(shape: readonly number[], next: (rng: Rng) => number): Param {
    const p = this.engine.param(shape);
    if (this.rng === null) return p;
    const data = p.data;
    for (let i = 0; i < data.length; i++) data[i] = next(this.rng);
    return p;
  }
}

/** A random matrix [rows, columns] whose shorter side is orthonormal: Gram and Schmidt, twice for full precision. */
function orthonormal(rows: number, columns: number, rng: Rng): Float64Array {
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const q = new Float64Array(count * length);
  for (let i = 0; i < q.length; i++) q[i] = rng.normal();
  for (let i = 0; i < count; i++) {
    const v = q.subarray(i * length, (i + 1) * length);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const u = q.subarray(j * length, (j + 1) * length);
        let dot = 0;
        for (let k = 0; k < length; k++) dot += u[k]! * v[k]!;
        for (let k = 0; k < length; k++) v[k]! -= dot * u[k]!;
      }
    }
    let norm = 0;
    for (let k = 0; k < length; k++) norm += v[k]! * v[k]!;
    norm = 1 / Math.sqrt(norm);
    for (let k = 0; k < length; k++) v[k]! *= norm;
  }
  if (rows <= columns) return q;
  const turned = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) turned[r * columns + c] = q[c * length + r]!;
  return turned;
}
