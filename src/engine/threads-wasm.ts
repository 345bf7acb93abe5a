/**
 * @file WebAssembly on several threads: workers that run the same module on one shared memory. How they share the work is C++ (kernels/team.h);
 * here they are only started, when a kernel first has enough to do. Until they are there the caller works alone, with the same results.
 */
import type { Kernels } from "./abi.gen.ts";
import type { Backend } from "./engine.ts";
import { heapBaseOf, runModule } from "./wasm.ts";

/** Bytes of a worker's stack; the kernels take about one thousand. */
const STACK = 65536;
const PAGE = 65536;
/** 256 MB: with less to be had, one thread on memory of its own is better off. */
const LEAST_PAGES = 4096;

/** What a worker is told. It never answers, and never comes back from team_help: it waits for work inside. */
interface Task {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** What sleepers wait for, a count that grows: see LENT in kernels/team.h. */
  bell: Int32Array;
  /** The end of its stack. */
  stack: number;
}

/** What a module built for threads exports beside the kernels (kernels/team.h). */
interface Team {
  team_open(most: number, least: number, mayWait: number): void;
}

/** A worker's whole program, as text, so that one bundled file is all there is. `task` is defined by the line before it. */
const life = `const { module, memory, bell, stack } = task;
const env = { memory, summon() {}, rings: () => Atomics.load(bell, 0), sleep: (n) => { Atomics.wait(bell, 0, n); }, ring: () => { Atomics.add(bell, 0, 1); Atomics.notify(bell, 0); } };
const { exports } = new WebAssembly.Instance(module, { env });
exports.__stack_pointer.value = stack;
exports.team_help();`;

/** Why there can be no shared memory here, or null. */
export function noSharedMemory(): string | null {
  const { crossOriginIsolated, process, Worker } = globalThis as { crossOriginIsolated?: boolean; process?: NodeJS.Process; Worker?: unknown };
  if (process?.versions?.node) return typeof process.getBuiltinModule === "function" ? null : "this Node.js is older than 20.16";
  if (typeof SharedArrayBuffer === "undefined" || crossOriginIsolated === false) {
    return "this page is not cross-origin isolated (its server has to send Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)";
  }
  return Worker === undefined ? "there are no workers here" : null;
}

/** Starts one worker, which does not keep the process alive, and returns how to end it. */
function start(task: Task): () => void {
  const { process } = globalThis as { process?: NodeJS.Process };
  if (process?.versions?.node) {
    const { Worker } = process.getBuiltinModule("node:worker_threads");
    const worker = new Worker(`const task = require("node:worker_threads").workerData;\n${life}`, { eval: true, workerData: task, execArgv: [], env: {} });
    worker.on("error", failed);
    worker.unref();
    return () => void worker.terminate();
  }
  const url = URL.createObjectURL(new Blob([`onmessage = ({ data: task }) => {\n${life}\n};`], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.onerror = (event) => failed(event);
  worker.postMessage(task);
  return () => {
    worker.terminate();
    URL.revokeObjectURL(url);
  };
}

const failed = (cause: { message?: string }) => console.error(`sluice: a helper thread could not be started (${cause.message ?? "the page refuses workers: a Content-Security-Policy has to have worker-src blob:"}); the others do its work`);

/** Ends the workers of an engine that nobody holds any more. */
const collected = new FinalizationRegistry<(() => void)[]>((ends) => {
  for (const end of ends) end();
});

/**
 * A backend of its own shared memory, on up to `threads` threads.
 * @param code a module built for threads, or base64 of it
 * @param maxBytes the most memory that the engine will use: so much address space is set aside
 * @param least operations that are worth a thread of their own; 0: what was measured to be
 * @throws RangeError: there is no address space for shared memory
 */
export function wasmWorkers(name: string, code: string | Uint8Array<ArrayBuffer>, threads: number, maxBytes = Infinity, least = 0): Backend {
  const { memory, pages } = sharedMemory(Math.max(64, Math.min(65536, Math.ceil(maxBytes / PAGE))));
  const ends: (() => void)[] = [];
  const bell = new Int32Array(new SharedArrayBuffer(4));
  const { module, exports } = runModule(name, code, {
    ...{ memory, summon },
    rings: () => Atomics.load(bell, 0),
    sleep: (rings: number) => void Atomics.wait(bell, 0, rings),
    ring: () => {
      Atomics.add(bell, 0, 1);
      Atomics.notify(bell, 0);
    },
  });
  const heapBase = heapBaseOf(exports);
  /** Called by a kernel, once, which must not see an exception. The stacks stand before the heap. */
  function summon(): void {
    try {
      for (let i = 1; i < threads; i++) ends.push(start({ module, memory, bell, stack: heapBase + i * STACK }));
    } catch (cause) {
      failed(cause as Error); // some browsers refuse at once what others refuse by an event, and so does Node's permission model
    }
  }
  const { team_open, ...kernels } = exports as unknown as Kernels & Team;
  team_open(threads, least, mayWait() ? 1 : 0);
  collected.register(kernels, ends);
  return { name, kernels, memory, heapBase: heapBase + threads * STACK, bytes: 4, threads, maxBytes: pages * PAGE };
}

/** Shared memory of up to so many pages, or of the half and so on where the address space for them, all set aside at once, is not to be had (a phone). */
function sharedMemory(pages: number): { memory: WebAssembly.Memory; pages: number } {
  try {
    return { memory: new WebAssembly.Memory({ initial: 64, maximum: pages, shared: true }), pages };
  } catch (cause) {
    if (pages < LEAST_PAGES) throw cause;
    return sharedMemory(pages >> 1);
  }
}

/** Whether this thread may block: all but a page's main thread. */
function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}
