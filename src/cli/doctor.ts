/** @file `sluice doctor`: what the kernels run on here, and why. Node-only. */
import type { Command } from "commander";
import { showBytes } from "../base/errors.ts";
import { newCommand } from "./command.ts";
import type { Session } from "./session.ts";
import { version } from "./session.ts";

const examples = `
The native addon is used where there is one; SLUICE_BACKEND=wasm or native insists, SLUICE_ISA=avx512, avx2, sse2 or neon chooses its
instruction set; avx512bf16, which trains faster and rounds matrix products, runs only where it is chosen. Training uses one thread per core; SLUICE_THREADS=1 and more set another number, with the same results.

Examples:
  $ sluice doctor
  $ SLUICE_BACKEND=wasm SLUICE_THREADS=1 sluice doctor --json`;

export const command = (session: Session): Command =>
  newCommand("doctor", "Says which backend, instruction set and number of threads run here, and why.")
    .optionsGroup("General:")
    .option("--json", "end with one JSON object on stdout")
    .option("--quiet", "no difference here: this verb only prints its result")
    .addHelpText("after", examples)
    .action(() => examine(session));

async function examine(session: Session): Promise<void> {
  const [{ machineEngine }, { cores, nativeStatus, hasRelaxedSimd }] = await Promise.all([import("./engine.ts"), import("../engine/index.ts")]);
  const engine = machineEngine();
  const { addon, why: addonWhy } = nativeStatus();
  const report = {
    sluice: version(),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    backend: engine.backend,
    why: engine.why,
    addon: { found: addon !== null, why: addonWhy, instructionSets: addon?.isas ?? [], onRequest: addon?.onRequest ?? [] },
    relaxedSimd: hasRelaxedSimd(),
    memoryLimit: engine.memory.maxBytes,
    threads: engine.threads,
    threadsWhy: engine.threadsWhy,
    cores: cores(),
  };
  session.show(
    [
      `sluice      ${report.sluice} on Node.js ${report.node}, ${report.platform}`,
      `backend     ${report.backend}: ${report.why}`,
      `addon       ${addon === null ? "not used" : `has ${[...addon.isas, ...report.addon.onRequest.map((isa) => `${isa} on request`)].join(", ")} here`}: ${addonWhy}`,
      `WebAssembly SIMD, ${report.relaxedSimd ? "with" : "without"} relaxed multiply-adds`,
      `memory      at most ${showBytes(report.memoryLimit)} for an engine`,
      `threads     ${report.threads}: ${report.threadsWhy}; a step of a stream runs on one`,
    ].join("\n"),
  );
  session.result(report);
}
