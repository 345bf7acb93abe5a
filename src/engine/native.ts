/**
 * @file The native backend: the same kernels compiled for this processor, in an addon that may or may not be there. Only Node has it; nothing here
 * is loaded in a browser, where every road ends at "not Node.js".
 *
 * The engine's memory stays a WebAssembly.Memory, so tensors are the same typed-array views on every backend and an address is still a
 * 32-bit offset. The addon is told where that memory starts. V8 reserves all of the address space at once, so a memory that grows stays where
 * it is; but nothing promises that, so the addon is told again after each growth.
 */
import { SluiceError } from "../base/errors.ts";
import { ABI, type Kernels } from "./abi.gen.ts";
import type { Backend } from "./engine.ts";

/**
 * Instruction sets that there are kernels for; which of them run, the processor says. `avx512bf16` is `avx512` with what goes into matrix
 * products rounded to bfloat16: other results, so it runs only where it is asked for.
 */
export type Isa = "avx512" | "avx512bf16" | "avx2" | "sse2" | "neon";

/** What sluice.node exports; see native/addon.cpp. */
export interface Addon {
  /** Number of the signatures that it was built from. */
  readonly abi: string;
  /** Instruction sets that this processor has, fastest first. */
  readonly isas: readonly Isa[];
  /** Those that it has and that round, which nobody gets unasked. */
  readonly onRequest: readonly Isa[];
  /** A function that runs the kernel `block[0]` on the arguments behind it, on up to so many threads, and leaves its result in `block[1]`. */
  attach(isa: Isa, memory: Uint8Array, block: Float64Array, threads: number, least?: number): () => void;
  /** Runs `n` rounds of multiply-adds on registers and returns how many operations those were. */
  peak(isa: Isa, n: number): number;
  /** Names of the kernels, in the order of their numbers. */
  readonly kernels: string;
}

/** What came of looking for the addon. */
export interface NativeStatus {
  /** Null when there is none to use. */
  readonly addon: Addon | null;
  /** Where it was found, or why it is not used. */
  readonly why: string;
  /** It is there and cannot be used: worth a line, where its absence is not. */
  readonly broken: boolean;
}

const absent = (why: string): NativeStatus => ({ addon: null, why, broken: false });
const broken = (why: string): NativeStatus => ({ addon: null, why, broken: true });

/** The parts of Node.js that are needed here, or null elsewhere. */
function nodeParts() {
  const { process } = globalThis as { process?: NodeJS.Process };
  if (!process?.versions?.node || typeof process.getBuiltinModule !== "function" || !import.meta.url) return null;
  return {
    ...{ process, require: process.getBuiltinModule("node:module").createRequire(import.meta.url) },
    ...{ fs: process.getBuiltinModule("node:fs"), crypto: process.getBuiltinModule("node:crypto") },
  };
}

/** Looks for the addon: first the prebuilt package for this machine, then what `npm ci` built in the repository. */
function look(): NativeStatus {
  const node = nodeParts();
  if (node === null) return absent("this is not Node.js 20.16 or later");
  const target = `${node.process.platform}-${node.process.arch}`;
  let found = "";
  for (const name of [`@sluice/native-${target}/sluice.json`, `../../native/out/${target}/sluice.json`]) {
    try {
      found = node.require.resolve(name);
      break;
    } catch {} // not there: the next place may have it
  }
  if (found === "") return absent(`no addon for ${target} is installed`);
  const file = found.replace(/\.json$/, ".node");
  try {
    const about = JSON.parse(node.fs.readFileSync(found, "utf8")) as { abi?: string; sha256?: string };
    if (about.abi !== ABI) return broken(`${file} is of another version (${about.abi}, expected ${ABI})`);
    // A damaged library may end the process when it is loaded, so its bytes are compared first.
    const sha256 = node.crypto.createHash("sha256").update(node.fs.readFileSync(file)).digest("hex");
    if (sha256 !== about.sha256) return broken(`${file} is not the file that was built (sha256 ${sha256.slice(0, 16)}, expected ${String(about.sha256).slice(0, 16)})`);
    const addon = node.require(file) as Addon;
    if (addon.abi !== ABI) return broken(`${file} is of another version (${addon.abi}, expected ${ABI})`);
    return { addon, why: file, broken: false };
  } catch (error) {
    return broken(`${file} cannot be loaded (${error instanceof Error ? error.message.split("\n")[0] : String(error)})`);
  }
}

let status: NativeStatus | null = null;

/** The addon, looked for once; when it is broken, one line says so the first time. */
export function nativeStatus(): NativeStatus {
  if (status === null) {
    status = look();
    if (status.broken) console.error(`sluice: the native addon is not used, WebAssembly runs instead: ${status.why}; reinstall it (in the repository: npm run native) or set SLUICE_BACKEND=wasm`);
  }
  return status;
}

/** Arguments that `caller` passes on. */
const MOST = 40;

/**
 * A function that writes its arguments into the block and runs kernel `number`. Written out, in fours, because a rest parameter would make an
 * array per call: garbage, and twice the time.
 */
function caller(block: Float64Array, number: number, run: () => void): (...args: number[]) => number {
  type N = number;
  // biome-ignore format: rows of four
  return (
    a0?: N, a1?: N, a2?: N, a3?: N,
    a4?: N, a5?: N, a6?: N, a7?: N,
    a8?: N, a9?: N, a10?: N, a11?: N,
    a12?: N, a13?: N, a14?: N, a15?: N,
    a16?: N, a17?: N, a18?: N, a19?: N,
    a20?: N, a21?: N, a22?: N, a23?: N,
    a24?: N, a25?: N, a26?: N, a27?: N,
    a28?: N, a29?: N, a30?: N, a31?: N,
    a32?: N, a33?: N, a34?: N, a35?: N,
    a36?: N, a37?: N, a38?: N, a39?: N,
  ): number => {
    const b = block;
    b[0] = number;
    b[1] = a0!; b[2] = a1!; b[3] = a2!; b[4] = a3!;
    if (a4 !== undefined) { b[5] = a4!; b[6] = a5!; b[7] = a6!; b[8] = a7!; }
    if (a8 !== undefined) { b[9] = a8!; b[10] = a9!; b[11] = a10!; b[12] = a11!; }
    if (a12 !== undefined) { b[13] = a12!; b[14] = a13!; b[15] = a14!; b[16] = a15!; }
    if (a16 !== undefined) { b[17] = a16!; b[18] = a17!; b[19] = a18!; b[20] = a19!; }
    if (a20 !== undefined) { b[21] = a20!; b[22] = a21!; b[23] = a22!; b[24] = a23!; }
    if (a24 !== undefined) { b[25] = a24!; b[26] = a25!; b[27] = a26!; b[28] = a27!; }
    if (a28 !== undefined) { b[29] = a28!; b[30] = a29!; b[31] = a30!; b[32] = a31!; }
    if (a32 !== undefined) { b[33] = a32!; b[34] = a33!; b[35] = a34!; b[36] = a35!; }
    if (a36 !== undefined) { b[37] = a36!; b[38] = a37!; b[39] = a38!; b[40] = a39!; }
    run();
    return b[1]!;
  };
}

/**
 * A backend of its own memory on one instruction set of an addon.
 * @param least operations that are worth a thread of their own; left out: what was measured to be
 */
export function nativeBackend(addon: Addon, isa: Isa = addon.isas[0]!, why?: string, threads = 1, least?: number): Backend {
  const here = [...addon.isas, ...(addon.onRequest ?? [])]; // an addon of the same signatures may be older than these
  if (!here.includes(isa)) {
    const lacks = isa === "avx512bf16" ? "it has no AVX512_BF16: leave out isa to train in float32" : "leave out isa for the fastest of them";
    throw new SluiceError("range", `createEngine: isa is "${isa}", expected ${here.join(", ")}; the processor decides, ${lacks}`);
  }
  const memory = new WebAssembly.Memory({ initial: 32, maximum: 65536 });
  const names = addon.kernels.split(" ");
  const block = new Float64Array(new ArrayBuffer(8 * (1 + MOST))); // attach refuses it when a kernel has more arguments
  let invoke = addon.attach(isa, new Uint8Array(memory.buffer), block, threads, least);
  const grow = memory.grow.bind(memory);
  memory.grow = (pages: number): number => {
    const before = grow(pages);
    invoke = addon.attach(isa, new Uint8Array(memory.buffer), block, threads, least);
    return before;
  };
  const kernels: Record<string, (...args: number[]) => number> = {};
  for (const [number, name] of names.entries()) {
    kernels[name] = caller(block, number, () => invoke());
  }
  // Address 0 means absent, so the first cache line is left out.
  return { name: `native-${isa}`, kernels: kernels as unknown as Kernels, memory, heapBase: 64, bytes: 4, why, threads };
}
