/**
 * @file Speed of the recurrent kernels, as a share of the multiply-add peak measured beside them: forward without and with saved
 * gates, and the training step (forward, then all gradients). One thread; processor time, so that a busy machine disturbs little;
 * the variants take turns and the median counts.
 *
 *     node bench/kernels.mjs [--wasm plain,relaxed] [--rounds 9] [gru:100,64,256,256 …]      cell:L,B,I,H
 *     node bench/kernels.mjs --wasm native-avx512,native-avx2,plain                          the addon's instruction sets beside it
 *     node bench/kernels.mjs --wasm native-avx512,native-avx512+kept gru:1,32,512,512        with packed weights kept from call to call
 *     node --experimental-wasm-relaxed-simd bench/kernels.mjs --wasm plain,relaxed           Node 20 has relaxed SIMD behind a flag
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";

const { values: options, positionals } = parseArgs({
  options: { wasm: { type: "string", default: "plain" }, rounds: { type: "string", default: "9" } },
  allowPositionals: true,
});
const cases =
  positionals.length > 0
    ? positionals
    : [
        "gru:100,64,256,256",
        "gru:100,64,128,128",
        "gru:64,32,512,512",
        "lstm:50,64,256,256",
        "rnn:100,64,256,256",
        "gru:96,32,7,64",
        "gru:96,32,32,64",
        "gru:4,448,128,128",
        "gru:4,448,512,512",
        "gru:1,1,64,64",
        "gru:1,1,256,256",
      ];

/** The addon of this machine; kernels of one of its instruction sets on a memory. */
const addonOf = () => createRequire(import.meta.url)(`../native/out/${process.platform}-${process.arch}/sluice.node`);
const isaOf = (name) => (name.startsWith("native-") ? name.slice("native-".length).replace("+kept", "") : null);
function attach(isa, memory) {
  const addon = addonOf();
  const block = new Float64Array(new ArrayBuffer(8 * 64));
  let invoke;
  let buffer = null;
  const kernels = addon.kernels.split(" ").map((name, number) => [
    name,
    (...args) => {
      if (memory.buffer !== buffer) {
        buffer = memory.buffer; // grown since
        invoke = addon.attach(isa, new Uint8Array(buffer), block, 1);
      }
      for (let i = 0; i < args.length; i++) block[i + 1] = args[i];
      block[0] = number;
      invoke();
      return block[1];
    },
  ]);
  return { ...Object.fromEntries(kernels), __heap_base: { value: 64 } };
}

function open(name) {
  const memory = new WebAssembly.Memory({ initial: 1024, maximum: 65536 });
  const isa = isaOf(name);
  let kernels;
  if (isa) kernels = attach(isa, memory);
  else {
    const module = new WebAssembly.Module(readFileSync(new URL(`../kernels/bin/${name}.wasm`, import.meta.url)));
    kernels = new WebAssembly.Instance(module, { env: { memory } }).exports;
  }
  let top = kernels.__heap_base.value;
  /** A buffer of n floats, uniform in (-size, size). */
  const buffer = (n, size = 0) => {
    top = Math.ceil(top / 64) * 64;
    const ptr = top;
    top += n * 4;
    if (top > memory.buffer.byteLength) memory.grow(Math.ceil((top - memory.buffer.byteLength) / 65536));
    const view = new Float32Array(memory.buffer, ptr, n);
    for (let i = 0; size > 0 && i < n; i++) view[i] = (Math.random() * 2 - 1) * size;
    return ptr;
  };
  return { kernels, buffer };
}

/** Milliseconds of processor time of one call of f. */
function time(f, calls) {
  const before = process.cpuUsage();
  for (let i = 0; i < calls; i++) f();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / calls;
}

const median = (xs) => [...xs].sort((a, b) => a - b)[xs.length >> 1];

function setUp(build, cell, L, B, I, H) {
  const { kernels: k, buffer } = open(build.replace(/\+kept$/, ""));
  const G = { gru: 3, lstm: 4, rnn: 1 }[cell];
  const blocks = cell === "rnn" ? 1 : 4;
  const x = buffer(L * B * I, 1);
  const wx = buffer(G * H * I, 1 / Math.sqrt(H));
  const wh = buffer(G * H * H, 1 / Math.sqrt(H));
  const bx = buffer(G * H, 0.1);
  const bh = buffer(G * H, 0.1);
  const dy = buffer(L * B * H, 1);
  const [y, hn, cn, saved, cells] = [L * B * H, B * H, B * H, L * B * blocks * H, L * B * H].map((n) => buffer(n));
  const [dx, dwx, dwh, dbx, dbh] = [L * B * I, G * H * I, G * H * H, G * H, G * H].map((n) => buffer(n));
  const size = cell === "lstm" ? k.lstm_work(L, B, I, H, H) : k[`${cell}_work`](L, B, I, H);
  const work = buffer(size);
  const keeps = { gru: () => k.gru_kept(L, B, I, H, 1), lstm: () => k.lstm_kept(L, B, I, H, H, 0), rnn: () => k.rnn_kept(L, B, I, H) }[cell]();
  const kept = build.endsWith("+kept") && keeps > 0 ? buffer(keeps) : 0;
  // biome-ignore format: the kernels' arguments, in their own order
  const forward = {
    gru: (s) => k.gru_forward(y, hn, 0, s && saved, x, 0, wx, wh, bx, bh, 0, 0, 0, kept, work, L, B, I, H, 0, 1, 1),
    lstm: (s) => k.lstm_forward(
      y, hn, cn, 0, s && saved, s && cells, 0, x, 0, 0, wx, wh, 0, bx, bh, 0, 0, 0, 0, 0, kept, work, L, B, I, H, H, 0, 1, 1,
    ),
    rnn: (s) => k.rnn_forward(y, hn, s && saved, x, 0, wx, wh, bx, bh, 0, 0, 0, kept, work, L, B, I, H, 0, 0, 1),
  }[cell];
  // biome-ignore format: the kernels' arguments, in their own order
  const backward = {
    gru: () => k.gru_backward(dx, 0, dwx, dwh, dbx, dbh, dy, 0, y, saved, x, 0, wx, wh, 0, 0, 0, work, L, B, I, H, 0, 1, 1),
    lstm: () => k.lstm_backward(
      dx, 0, 0, dwx, dwh, 0, dbx, dbh, 0, dy, 0, 0, y, saved, cells, 0, x, 0, 0, wx, wh, 0, 0, 0, 0, 0, 0, work, L, B, I, H, H, 0, 1, 1,
    ),
    rnn: () => k.rnn_backward(dx, 0, dwx, dwh, dbx, dbh, dy, 0, y, saved, x, 0, wx, wh, 0, 0, 0, work, L, B, I, H, 0, 0, 1),
  }[cell];
  const results = L * B * H * (1 + blocks + (cell === "lstm" ? 1 : 0)); // y, saved, cells
  return {
    build,
    forward,
    backward,
    flops: 2 * L * B * (I + H) * G * H,
    workShare: size / results,
    ms: { infer: [], forward: [], backward: [] },
    peaks: [],
  };
}

/** GFLOP/s of registers only, with vectors of the variant's width. */
function peak(name) {
  const n = 1_000_000;
  const isa = isaOf(name);
  let operations = n * 24 * 4;
  const run = isa ? () => (operations = addonOf().peak(isa, n)) : () => probes[name].probe_peak(n);
  const ms = time(run, 2);
  return operations / ms / 1e6;
}

const variants = options.wasm.split(",");
const probes = Object.fromEntries(
  variants.flatMap((v) => (isaOf(v) ? [] : [[v, open(v.startsWith("relaxed") ? "probe-relaxed" : "probe").kernels]])),
);
console.log(
  "case                 build          peak   infer       forward     backward    training    scratch/kept   ms infer, forward, backward",
);
for (const name of cases) {
  const [cell, sizes] = name.split(":");
  const runs = variants.map((build) => setUp(build, cell, ...sizes.split(",").map(Number)));
  const calls = Math.max(1, Math.ceil(3e8 / runs[0].flops));
  for (let round = -1; round < Number(options.rounds); round++) {
    for (const run of runs) {
      const p = peak(run.build);
      const infer = time(() => run.forward(0), calls);
      const forward = time(() => run.forward(1), calls);
      const backward = time(run.backward, calls);
      if (round < 0) continue; // warm-up: the compiler is still at work
      run.peaks.push(p);
      run.ms.infer.push(infer);
      run.ms.forward.push(forward);
      run.ms.backward.push(backward);
    }
  }
  for (const run of runs) {
    const top = Math.max(...run.peaks);
    const [infer, forward, backward] = Object.values(run.ms).map(median);
    const share = (ms, passes) => {
      const speed = (run.flops * passes) / ms / 1e6;
      return `${speed.toFixed(1).padStart(5)} ${((100 * speed) / top).toFixed(0).padStart(3)}%`.padEnd(12);
    };
    console.log(
      `${name.padEnd(21)}${run.build.padEnd(15)}${top.toFixed(1).padEnd(7)}${share(infer, 1)}${share(forward, 1)}${share(backward, 2)}${share(forward + backward, 3)}` +
        `${run.workShare.toFixed(2).padEnd(15)}${[infer, forward, backward].map((ms) => ms.toPrecision(3)).join(", ")}`,
    );
  }
}
