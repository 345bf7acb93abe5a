/** @file ONNX Runtime's WebAssembly build, the one for browsers, here in Node.js. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { prepareOrt } from "./onnxruntime.mjs";

const folder = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));

export const describe = () => ({ name: "onnxruntime-web", version: JSON.parse(readFileSync(join(folder, "../package.json"), "utf8")).version });

export async function prepare(work, { threads }) {
  const ort = await import("onnxruntime-web");
  ort.env.wasm.numThreads = threads;
  return prepareOrt(ort, work, { executionProviders: ["wasm"] });
}
