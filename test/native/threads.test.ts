/**
 * Every op of the table on several threads, however little there is to share. Truth: the same op on one thread, to the last bit; what one thread computes is
 * tested beside this file.
 */
import { expect, test } from "vitest";
import type { Dims } from "../../src/base/axes.ts";
import { Rng } from "../../src/base/random.ts";
import { Engine, nativeBackend, nativeStatus } from "../../src/engine/index.ts";
import { table } from "../../src/ops/table.ts";
import { call, draw } from "../ops/calls.ts";

const { addon, why } = nativeStatus();
if (addon === null) console.log(`native: tests skipped, ${why}`);

/** Sizes beside an op's own: several blocks, and items that don't divide by the threads. */
const larger: Record<string, readonly Dims[]> = {
  additiveAttention: [{ Q: 4, L: 9, B: 7, A: 37, H: 19 }],
  dotAttention: [{ Q: 4, L: 9, B: 7, A: 37, H: 70 }],
  crossEntropy: [{ N: 300, V: 7 }],
  projectedCrossEntropy: [
    { N: 300, H: 9, V: 70 },
    { N: 2, H: 5, V: 40 },
  ],
};

test.skipIf(addon === null).each([2, 3, 5])("%i threads give the bytes of one", (threads) => {
  for (const isa of addon!.isas) {
    const one = new Engine(nativeBackend(addon!, isa), { debug: 0 });
    const several = new Engine(nativeBackend(addon!, isa, "", threads, 1), { debug: 0 });
    for (const op of table) {
      const { name, inputs, tryOptions = [] } = op.spec;
      for (const options of [{}, ...tryOptions]) {
        for (const dims of [...op.spec.try, ...(larger[name] ?? [])]) {
          const rng = new Rng(41);
          const values = draw(op, dims, Object.keys(inputs), rng);
          const weights = Array.from({ length: 8192 }, () => 2 * rng.uniform() - 1);
          const grad = op.spec.backward ? { from: 1, weights } : undefined;
          const due = one.scope(() => call(one, op, dims, values, options, grad));
          const got = several.scope(() => call(several, op, dims, values, options, grad));
          expect(got, `${name}, ${isa}, ${JSON.stringify(dims)}, ${JSON.stringify(options)}`).toEqual(due);
        }
      }
    }
  }
});
