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

/** Instruction sets that there are kernels for; which of them run, the processor says. */
export type Isa = "avx512" | "avx2" | "sse2" | "neon";

/** What sluice.node exports; see native/addon.cpp. */
export interface Addon {
  /** Number of the signatures that it was built from. */
  readonly abi: string;
  /** Instruction sets that this processor has, fastest first. */
  readonly isas: readonly Isa[];
  /** A function that runs the kernel `block[0]` on the arguments behind it and leaves its result in `block[1]`. */
  attach(isa: Isa, memory: Uint8Array, block: Float64Array): () => void;
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

/** A backend of its own memory on one instruction set of an addon. */
export function nativeBackend(addon: Addon, isa: Isa = addon.isas[0]!, why?: string): Backend {
  if (!addon.isas.includes(isa)) {
    throw new SluiceError("range", `createEngine: isa is "${isa}", expected ${addon.isas.join(", ")}; the processor decides`);
  }
  const memory = new WebAssembly.Memory({ initial: 32, maximum: 65536 });
  const names = addon.kernels.split(" ");
  const block = new Float64Array(new ArrayBuffer(8 * 64));
  let invoke = addon.attach(isa, new Uint8Array(memory.buffer), block);
  const grow = memory.grow.bind(memory);
  memory.grow = (pages: number): number => {
    const before = grow(pages);
    invoke = addon.attach(isa, new Uint8Array(memory.buffer), block);
    return before;
  };
  const kernels: Record<string, (...args: number[]) => number> = {};
  for (const [number, name] of names.entries()) {
    kernels[name] = (...args) => {
      for (let i = 0; i < args.length; i++) block[i + 1] = args[i]!;
      block[0] = number;
      invoke();
      return block[1]!;
    };
  }
  // Address 0 means absent, so the first cache line is left out.
  return { name: `native-${isa}`, kernels: kernels as unknown as Kernels, memory, heapBase: 64, bytes: 4, why };
}
