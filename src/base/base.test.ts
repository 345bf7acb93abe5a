/** The ground floor. Truth: published test vectors (Philox), arithmetic, and cases written out. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { bindAxes, explainAxes, parseAxes, shapeOf } from "./axes.ts";
import { nearNames, showBytes, SluiceError } from "./errors.ts";
import { fingerprint } from "./hash.ts";
import { philox, Rng } from "./random.ts";

test("Philox 4x32-10 gives the words that its authors publish for the zero counter and key", () => {
  const out = new Uint32Array(4);
  philox(0, 0, 0, out);
  expect(Array.from(out, (w) => w.toString(16))).toEqual(["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]);
});

test("a generator restored from its state goes on as the one it was taken from", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(50), (seed, drawn) => {
      const rng = new Rng(seed);
      for (let i = 0; i < drawn; i++) rng.word();
      const copy = Rng.from(JSON.parse(JSON.stringify(rng.state)));
      expect(Array.from({ length: 9 }, () => copy.word())).toEqual(Array.from({ length: 9 }, () => rng.word()));
    }),
  );
  expect(new Rng(1).word()).not.toBe(new Rng(2).word());
  expect(new Rng(5).split().word()).toBe(new Rng(5).split().word());
  expect(() => new Rng(-1)).toThrow(/seed is -1, expected a whole number/);
});

test("draws are spread as they should be: moments, bounds, and every order of a shuffle", () => {
  const rng = new Rng(3);
  const n = 40_000;
  let [sum, squares, uniform] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const z = rng.normal();
    sum += z;
    squares += z * z;
    uniform += rng.uniform();
  }
  expect(Math.abs(sum / n)).toBeLessThan(0.02);
  expect(Math.abs(squares / n - 1)).toBeLessThan(0.03);
  expect(Math.abs(uniform / n - 0.5)).toBeLessThan(0.01);
  const orders = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const key = rng.shuffle([0, 1, 2]).join("");
    orders.set(key, (orders.get(key) ?? 0) + 1);
  }
  expect(orders.size).toBe(6);
  for (const count of orders.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  const counts = new Array<number>(5).fill(0);
  for (let i = 0; i < 10_000; i++) counts[rng.below(5)]!++;
  for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200);
});

test("axis words bind, derive shapes and name the culprit", () => {
  const [u, wh] = [parseAxes("L B 3H"), parseAxes("3H H")];
  const binding = { dims: {}, lead: null };
  expect(bindAxes(u, [7, 2, 12], binding)).toBe(true);
  expect(binding.dims).toEqual({ L: 7, B: 2, H: 4 });
  expect(shapeOf(parseAxes("B 4 2H"), binding)).toEqual([2, 4, 8]);
  expect(bindAxes(wh, [12, 5], binding)).toBe(false);
  const inputs = [{ name: "u", spec: u, shape: [7, 2, 12] }, { name: "wh", spec: wh, shape: [12, 5] }];
  expect(explainAxes("gru", inputs).message).toBe("gru: wh is [12, 5], expected [3H, H]; H is 4 (from u)");
  const rest = { dims: {}, lead: null };
  expect(bindAxes(parseAxes("... I"), [2, 3, 5], rest)).toBe(true);
  expect(rest).toEqual({ dims: { N: 6, I: 5 }, lead: [2, 3] });
  expect(bindAxes(parseAxes("const ..."), [3, 2], rest)).toBe(false);
  expect(parseAxes("int B ?")).toMatchObject({ kind: "int", optional: true });
  expect(() => parseAxes("L b")).toThrow(/"b" is no size/);
});

test("names that resemble, amounts that read well, errors that carry their parts", () => {
  expect(nearNames("temprature", ["temperature", "pressure", "wind"])).toEqual(["temperature"]);
  expect(nearNames("OT", ["date", "HUFL", "OT_1"])).toEqual(["OT_1"]);
  expect(nearNames("x", ["s", "T", "min"])).toEqual([]);
  expect([12, 2048, 3.5 * 2 ** 20, 15 * 2 ** 30].map(showBytes)).toEqual(["12 B", "2.00 KB", "3.50 MB", "15.0 GB"]);
  expect(new SluiceError("range", "x", { a: 1 })).toMatchObject({ name: "SluiceError", code: "range", details: { a: 1 } });
});

test("a fingerprint changes with any byte and with nothing else", () => {
  const data = new Float32Array([1, 2, 3]);
  expect(fingerprint(data)).toBe(fingerprint(data.slice(0, 1), data.slice(1)));
  for (let i = 0; i < 12; i++) {
    const other = data.slice();
    new Uint8Array(other.buffer)[i]! ^= 1;
    expect(fingerprint(other)).not.toBe(fingerprint(data));
  }
  expect(fingerprint(new Uint8Array())).toMatch(/^[0-9a-f]{16}$/);
});
