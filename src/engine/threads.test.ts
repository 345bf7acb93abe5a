/** How many threads an engine gets, and what is said when there can be no more than one. Truth: the documented rules; the same results on any number. */
import { afterEach, expect, test, vi } from "vitest";
import { gru } from "../ops/index.ts";
import { createEngine, Engine } from "./index.ts";
import { chooseThreads, cores } from "./threads.ts";
import { noSharedMemory, wasmWorkers } from "./threads-wasm.ts";
import { code } from "./wasm/plain-threads.embed.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("the options come before SLUICE_THREADS, and that before one per core", () => {
  expect(chooseThreads(undefined, undefined)).toMatchObject({ count: Math.min(64, cores()), asked: false, why: expect.stringMatching(/^one for each of the \d+ cores? /) });
  expect(chooseThreads(undefined, "1")).toEqual({ count: 1, asked: true, why: "SLUICE_THREADS=1" });
  expect(chooseThreads(2, "1")).toEqual({ count: 2, asked: true, why: "asked for" });
  vi.stubEnv("SLUICE_THREADS", "2");
  for (const backend of ["auto", "wasm"] as const) expect(createEngine({ debug: 0, backend })).toMatchObject({ threads: 2, threadsWhy: "SLUICE_THREADS=2" });
  expect(createEngine({ debug: 0, threads: 1, simd: "plain" }).threads).toBe(1);
});

test("a number that cannot be meant is refused, with who said it and what decides", () => {
  const most = Math.min(64, 4 * cores());
  for (const threads of [0, -1, 1.5, Number.NaN, most + 1, Infinity]) {
    expect(() => createEngine({ threads })).toThrow(`createEngine: threads is ${threads}, expected a whole number from 1 to ${most} (4 for each of the ${cores()} core`);
    expect(() => createEngine({ threads })).toThrow("from the options; leave it out for one per core");
  }
  for (const text of ["many", "0", "2.5", "1e9"]) {
    vi.stubEnv("SLUICE_THREADS", text);
    expect(() => createEngine()).toThrow(`threads is "${text}", expected a whole number from 1 to ${most}`);
    expect(() => createEngine()).toThrow("SLUICE_THREADS decides");
  }
});

test("DEBUG=1 says how many and why", () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  createEngine({ debug: 1, threads: 2 });
  expect(String(said.mock.calls[0])).toContain(", 2 threads (asked for), 32-bit reals");
});

test("a page without cross-origin isolation runs on one thread, and says so when more were asked for", () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  const page = { process: undefined, navigator: { hardwareConcurrency: 4 }, crossOriginIsolated: false };
  for (const [name, value] of Object.entries(page)) vi.stubGlobal(name, value);
  expect(noSharedMemory()).toContain("Cross-Origin-Opener-Policy: same-origin");
  const quiet = createEngine({ debug: 0, simd: "plain" });
  expect(quiet).toMatchObject({ threads: 1, threadsWhy: noSharedMemory() });
  expect(said).not.toHaveBeenCalled();
  expect(createEngine({ debug: 0, simd: "plain", threads: 4 }).threads).toBe(1);
  expect(said.mock.calls).toEqual([[`sluice: threads are 4 (asked for), but ${noSharedMemory()}: one thread runs`]]);
  vi.stubGlobal("crossOriginIsolated", true);
  vi.stubGlobal("Worker", class {});
  expect(noSharedMemory()).toBeNull();
});

test("where workers are refused at once, a kernel that asks for them still does its work, and one line says so", () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  const numbers = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 1.7) / 2);
  const run = (e: Engine) => e.scope(() => gru({ x: e.tensor([4, 6, 5], numbers(120)), wx: e.tensor([9, 5], numbers(45)), wh: e.tensor([9, 3], numbers(27)) }).y.toArray());
  const due = run(createEngine({ debug: 0, simd: "plain", threads: 1 }));
  vi.stubGlobal("process", undefined);
  vi.stubGlobal(
    "Worker",
    class {
      constructor() {
        throw new Error("SecurityError");
      }
    },
  );
  const e = new Engine(wasmWorkers("wasm-plain", code, 3, Infinity, 1), { debug: 0 });
  expect(run(e)).toEqual(due);
  expect(run(e)).toEqual(due);
  expect(said.mock.calls).toEqual([["sluice: a helper thread could not be started (SecurityError); the others do its work"]]);
});

test("with little address space shared memory may grow less, with next to none there is one thread; both are said", () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  const { Memory } = WebAssembly;
  const only = (most: number) => {
    const refusing = new Proxy(Memory, {
      construct(_target, [d]: [WebAssembly.MemoryDescriptor]) {
        if (d.shared && d.maximum! > most) throw new RangeError("could not allocate memory");
        return new Memory(d);
      },
    });
    vi.stubGlobal("WebAssembly", Object.assign(Object.create(WebAssembly), { Memory: refusing }));
  };
  only(20_000);
  const less = createEngine({ debug: 0, simd: "plain", threads: 2 });
  expect([less.threads, less.memory.maxBytes]).toEqual([2, 16_384 * 65_536]);
  expect(() => less.param([300_000_000])).toThrow("expected at most 1.00 GB in all");
  expect(said).not.toHaveBeenCalled();
  only(1000);
  const none = createEngine({ debug: 0, simd: "plain", threads: 2 });
  expect(none).toMatchObject({ threads: 1, threadsWhy: "shared memory is refused here (could not allocate memory)" });
  expect(String(said.mock.calls[0])).toContain("but shared memory is refused here (could not allocate memory): one thread runs");
});

test("on shared memory that grows while workers sleep or come, an engine does what it does alone", () => {
  const [L, B, I, H] = [6, 9, 5, 7];
  const numbers = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 1.7 + seed) / 2);
  const results = [createEngine({ debug: 0, simd: "plain", threads: 1 }), new Engine(wasmWorkers("wasm-plain", code, 3, Infinity, 1), { debug: 0 })].map((e) => {
    const x = e.tensor([L, B, I], numbers(L * B * I, 1));
    const [wx, wh] = [e.param([3 * H, I], numbers(3 * H * I, 2)), e.param([3 * H, H], numbers(3 * H * H, 3))];
    const out: number[][] = [];
    for (let round = 0; round < 4; round++) {
      const big = e.param([2 ** 20 * (round + 1)]); // memory grows while the workers sleep or come
      e.scope(() => {
        const { y, hn } = e.record(() => gru({ x, wx, wh }));
        out.push([...y.toArray(), ...hn.toArray()]);
        expect(big.data[0]).toBe(0);
      });
    }
    return out;
  });
  expect(results[1]).toEqual(results[0]);
});
