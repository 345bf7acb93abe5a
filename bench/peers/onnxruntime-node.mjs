/** @file ONNX Runtime's native build for Node.js. */
import { createRequire } from "node:module";
import { prepareOrt } from "./onnxruntime.mjs";

const require = createRequire(import.meta.url);

export const describe = () => ({ name: "onnxruntime-node", version: require("onnxruntime-node/package.json").version });

export async function prepare(work, { threads }) {
  const ort = require("onnxruntime-node");
  return prepareOrt(ort, work, { executionProviders: ["cpu"], intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: "sequential" });
}
