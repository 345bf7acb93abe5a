/**
 * @file The door to files a browser can also read and write: safetensors,
 * and the model file made of it. Disk and TensorBoard: `node.ts`.
 */
export type { Dtype, TensorData } from "./dtype.ts";
export type { JsonObject } from "./json.ts";
export { decodeModel, encodeModel, type LoadedModel, type ModelFile, modelChunks, modelVersion } from "./model.ts";
export {
  type DecodeOptions,
  decodeSafetensors,
  encodeSafetensors,
  type FileTensor,
  type Named,
  type Safetensors,
  safetensorsChunks,
} from "./safetensors.ts";
