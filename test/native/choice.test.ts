/** Which backend createEngine takes, and what it says when it cannot. Truth: the documented options and variables. */
import { afterEach, expect, test, vi } from "vitest";
import { ABI } from "../../src/engine/abi.gen.ts";
import { createEngine, nativeStatus } from "../../src/engine/index.ts";

const { addon } = nativeStatus();
const quiet = { debug: 0 } as const;
const wasm = /^wasm-(plain|relaxed)$/;
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test("simd asks for WebAssembly, and so does backend", () => {
  expect(createEngine({ ...quiet, simd: "plain" }).backend).toBe("wasm-plain");
  expect(createEngine({ ...quiet, backend: "wasm" }).backend).toMatch(wasm);
  vi.stubEnv("SLUICE_BACKEND", "native");
  expect(createEngine({ ...quiet, simd: "plain" }).backend).toBe("wasm-plain");
});

test("SLUICE_BACKEND=wasm holds where the options leave the choice open", () => {
  vi.stubEnv("SLUICE_BACKEND", "wasm");
  expect(createEngine(quiet).backend).toMatch(wasm);
});

test("words that are not there are refused, with who said them", () => {
  expect(() => createEngine({ backend: "gpu" as "auto" })).toThrow('backend is "gpu", expected "auto", "native", "wasm"; from the options');
  expect(() => createEngine({ isa: "mmx" as "sse2" })).toThrow('isa is "mmx", expected "avx512", "avx512bf16", "avx2", "sse2", "neon"; from the options');
  expect(() => createEngine({ simd: "plain", isa: "sse2" })).toThrow("leave out simd");
  vi.stubEnv("SLUICE_ISA", "fast");
  expect(() => createEngine(quiet)).toThrow("SLUICE_ISA decides");
  vi.stubEnv("SLUICE_ISA", "");
  vi.stubEnv("SLUICE_BACKEND", "cpu");
  expect(() => createEngine(quiet)).toThrow("SLUICE_BACKEND decides");
});

test.skipIf(addon === null)("the addon runs where it is there, on the set asked for", () => {
  expect(addon!.abi).toBe(ABI);
  expect(createEngine(quiet).backend).toBe(`native-${addon!.isas[0]}`);
  for (const isa of [...addon!.isas, ...addon!.onRequest]) {
    expect(createEngine({ ...quiet, isa }).backend).toBe(`native-${isa}`);
    vi.stubEnv("SLUICE_ISA", isa);
    expect(createEngine(quiet).backend).toBe(`native-${isa}`);
    vi.unstubAllEnvs();
  }
  const other = addon!.isas.includes("neon") ? "avx2" : "neon";
  expect(() => createEngine({ ...quiet, isa: other })).toThrow(`isa is "${other}", expected ${[...addon!.isas, ...addon!.onRequest].join(", ")}; the processor decides`);
});

test("DEBUG=1 says what runs and why", () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  createEngine({ debug: 1 });
  createEngine({ debug: 1, backend: "wasm" });
  const [first, second] = said.mock.calls.map(([line]) => String(line));
  if (addon === null) expect(first).toMatch(/^sluice: backend wasm-\w+ \(.+\)/);
  else expect(first).toContain(`sluice: backend native-${addon.isas[0]} (fastest of ${addon.isas.join(", ")}; `);
  expect(second).toMatch(/^sluice: backend wasm-\w+ \(asked for\)/);
});

test.skipIf(addon === null)("the addon refuses what is not its memory", () => {
  const block = new Float64Array(64);
  const isa = addon!.isas[0]!;
  expect(() => addon!.attach("mmx" as "sse2", new Uint8Array(8), block, 1)).toThrow("no such instruction set");
  expect(() => addon!.attach(isa, block as unknown as Uint8Array, block, 1)).toThrow("memory must be a Uint8Array");
  expect(() => addon!.attach(isa, new Uint8Array(8), new Float64Array(2), 1)).toThrow("block must be a Float64Array");
});
