/**
 * @file A Sluice model: one safetensors file whose metadata holds one JSON document under the key `sluice`, so that any
 * language can read it and one file is the whole model. What the document's parts mean is the task's business; here they
 * only have to be JSON. A checkpoint is the same file with optimizer tensors and a `checkpoint` part. Runs in browsers.
 */
import { SluiceError } from "../base/errors.ts";
import { checkJson, isObject, type JsonObject, parseStrict, show } from "./json.ts";
import {
  type DecodeOptions,
  decodeSafetensors,
  type FileTensor,
  joinChunks,
  type Named,
  safetensorsChunks,
} from "./safetensors.ts";

/** The format version this code writes, and the only one it reads so far. */
export const modelVersion = 1;

/** Everything a model file says. */
export interface ModelFile {
  /** Which task's code can run it, for example `forecast`. */
  readonly task: string;
  /** Rebuilds the network. */
  readonly config: JsonObject;
  /** What was fitted to the training data: scalers, vocabulary, feature settings. */
  readonly preprocessing: JsonObject;
  /** Where it comes from: data hash, seed, scores beside baselines. */
  readonly provenance: JsonObject;
  /** Only in a checkpoint: random generator, position in the data, schedule, best so far. */
  readonly checkpoint?: JsonObject;
  /** The program that wrote it, for example `sluice 0.1.0`; a reader of another version names it. */
  readonly writer?: string;
  /** Parameters under PyTorch-style names; in a checkpoint also `optimizer.*`. */
  readonly tensors: Named<FileTensor>;
}

/** A model file that has been read: `tensors` are views of its bytes. */
export interface LoadedModel extends ModelFile {
  readonly tensors: ReadonlyMap<string, FileTensor>;
}

const parts = ["config", "preprocessing", "provenance"] as const;

/**
 * The model file in pieces, header first. Equal contents give equal bytes.
 * @throws type, numeric: a part that JSON cannot keep; as `safetensorsChunks`
 */
export function modelChunks(model: ModelFile): Uint8Array[] {
  const { task, config, preprocessing, provenance, checkpoint, writer = "sluice", tensors } = model;
  const document = {
    format: "sluice-model",
    version: modelVersion,
    writer,
    task,
    config,
    preprocessing,
    provenance,
    ...(checkpoint && { checkpoint }),
  };
  checkJson(document, "model", "document");
  return safetensorsChunks(tensors, { sluice: JSON.stringify(document) });
}

/** The whole model file in one array. */
export const encodeModel = (model: ModelFile): Uint8Array => joinChunks(modelChunks(model));

/**
 * What the file of a model or checkpoint says. `config` and its sisters are plain JSON objects, for the task to check.
 * @param where the file's name, for errors
 * @throws format: not safetensors, no Sluice model, or one of another format version; numeric: a weight that is NaN or infinite
 */
export function decodeModel(bytes: Uint8Array, where: string, options: DecodeOptions = {}): LoadedModel {
  const { tensors, metadata } = decodeSafetensors(bytes, where, { refuseNonFinite: true, ...options });
  const refuse = (what: string, details: JsonObject = {}): never => {
    throw new SluiceError("format", `${where}: ${what}`, { file: where, ...details });
  };
  const text = metadata.get("sluice");
  if (text === undefined) {
    const names = [...tensors.keys()].slice(0, 3).map(show).join(", ");
    return refuse(
      `a safetensors file, but no Sluice model: its metadata has no "sluice", and its tensors are ${names || "none"}; made by PyTorch or another program?`,
    );
  }
  const document = parseStrict(text, where, `metadata "sluice"`);
  if (!isObject(document)) return refuse(`metadata "sluice" is ${show(document)}, expected an object; the model format`);
  const { format, version, writer, task, checkpoint } = document;
  if (format !== "sluice-model") return refuse(`format is ${show(format)}, expected "sluice-model"; metadata "sluice" says so`);
  if (version !== modelVersion) {
    const by = typeof writer === "string" ? `written by ${show(writer)}` : "its writer is unknown";
    const newer = typeof version === "number" && version > modelVersion;
    const wayOut = newer
      ? "update Sluice: npm install sluice@latest"
      : "train the model again, or read it with the Sluice that wrote it";
    return refuse(`format version is ${show(version)}, expected ${modelVersion}; ${by}; ${wayOut}`, { version, writer });
  }
  checkJson(document, where, "document", "format");
  if (typeof task !== "string") return refuse(`task is ${show(task)}, expected a text; the model format`);
  const [config, preprocessing, provenance] = parts.map((part): JsonObject => {
    const value = document[part];
    return isObject(value) ? value : refuse(`${part} is ${show(value)}, expected an object; the model format`);
  }) as [JsonObject, JsonObject, JsonObject];
  if (checkpoint !== undefined && !isObject(checkpoint))
    return refuse(`checkpoint is ${show(checkpoint)}, expected an object; the model format`);
  return {
    task,
    config,
    preprocessing,
    provenance,
    ...(checkpoint && { checkpoint }),
    ...(typeof writer === "string" && { writer }),
    tensors,
  };
}
