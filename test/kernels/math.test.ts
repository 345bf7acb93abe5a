/** @file exp, log, sigmoid and tanh of kernels/vec.h. Truth: JavaScript's Math in double precision, on dense grids of bit patterns. */
import { expect, test } from "vitest";
import { load, natives } from "./wasm.ts";

const truth = {
  probe_exp: Math.exp,
  probe_log: Math.log,
  probe_tanh: Math.tanh,
  // e^-x would overflow for the most negative doubles, where e^x / (1 + e^x) does not.
  probe_sigmoid: (x: number) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
};
type Name = keyof typeof truth;

/** Every `stride`-th float32 there is, both signs: 2^32 / stride numbers. */
function floats(stride: number): Float32Array {
  const bits = new Uint32Array(Math.floor(2 ** 32 / stride));
  for (let i = 0; i < bits.length; i++) bits[i] = i * stride;
  return new Float32Array(bits.buffer).filter((x) => Number.isFinite(x));
}

/** Doubles of every exponent, both signs, with varied mantissas. */
function doubles(): Float64Array {
  const words = new Uint32Array(2 * 2047 * 2 * 160);
  for (let i = 0, seed = 1; i < words.length; i += 2) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    words[i] = seed;
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const exponent = (i >> 1) % 2047;
    words[i + 1] = ((seed & 0x800fffff) | (exponent << 20)) >>> 0;
  }
  return new Float64Array(words.buffer);
}

/** The largest relative error wherever the true result is a normal number, and the x it happens at. */
function worst(file: string, name: Name, xs: ArrayLike<number>, smallest: number, largest: number) {
  const m = load(file);
  const out = { error: 0, at: 0 };
  for (let first = 0; first < xs.length; first += 50_000) {
    const part = Array.prototype.slice.call(xs, first, first + 50_000) as number[];
    m.reset();
    const x = m.put(part);
    const y = m.fill(part.length);
    m.call(name, y, x, part.length);
    const got = m.read(y, part.length);
    for (let i = 0; i < part.length; i++) {
      const due = truth[name](part[i]!);
      if (Number.isNaN(due) && Number.isNaN(got[i])) continue;
      const size = Math.abs(due);
      if (size < smallest || size > largest) continue;
      const error = Number.isNaN(got[i]) ? Infinity : Math.abs(got[i]! - due) / size;
      if (error > out.error) {
        out.error = error;
        out.at = part[i]!;
      }
    }
  }
  return out;
}

const single = floats(2081); // a prime: two million numbers
const double = doubles();

// The addon has the kernels exp, sigmoid and tanh, but none that takes a logarithm.
for (const name of Object.keys(truth) as Name[]) {
  test.each(["probe", ...(name === "probe_log" ? [] : natives)])(`${name}, float32, %s: relative error at most 3e-7 over all floats`, (file) => {
    expect(worst(file, name, single, 2 ** -126, 3.4e38).error).toBeLessThan(3e-7);
  });
  test(`${name}, float64: relative error at most 1e-14 over doubles of every size`, () => {
    expect(worst("probe-f64", name, double, 2 ** -1022, 1.7e308).error).toBeLessThan(1e-14);
  });
}

test.each(["probe", "probe-f64", ...natives])("%s: limits are exact, NaN stays NaN, tanh is odd, every tail length works", (file) => {
  const m = load(file);
  const run = (name: Name, xs: readonly number[]) => {
    m.reset();
    const x = m.put(xs);
    const y = m.fill(xs.length);
    m.call(name, y, x, xs.length);
    m.check();
    return m.read(y, xs.length);
  };
  const inf = Number.POSITIVE_INFINITY;
  expect(run("probe_exp", [-inf, inf, Number.NaN, 0, -0, 1e30, -1e30])).toEqual([0, inf, Number.NaN, 1, 1, inf, 0]);
  if (!natives.includes(file)) expect(run("probe_log", [-inf, inf, Number.NaN, 0, -0, 1, -1])).toEqual([
    Number.NaN,
    inf,
    Number.NaN,
    -inf,
    -inf,
    0,
    Number.NaN,
  ]);
  expect(run("probe_sigmoid", [-inf, inf, Number.NaN, 0, -0, 1e30, -1e30])).toEqual([0, 1, Number.NaN, 0.5, 0.5, 1, 0]);
  expect(run("probe_tanh", [-inf, inf, Number.NaN, 0, -0, 1e30, -1e30])).toEqual([-1, 1, Number.NaN, 0, -0, 1, -1]);
  const xs = Array.from({ length: 9 }, (_, i) => (i - 3.5) ** 3 / 7);
  const whole = run("probe_tanh", xs);
  expect(
    run(
      "probe_tanh",
      xs.map((x) => -x),
    ),
  ).toEqual(whole.map((y) => -y));
  for (let n = 0; n <= xs.length; n++) expect(run("probe_tanh", xs.slice(0, n))).toEqual(whole.slice(0, n));
});
