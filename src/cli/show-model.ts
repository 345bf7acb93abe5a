/**
 * @file A model file in words and tables. The file may come from anywhere: what is shown is looked up with care and control characters are shown, never
 * sent to the terminal. Node-only.
 */
import { showBytes, showShape } from "../base/errors.ts";
import { isObject, type JsonObject } from "../formats/json.ts";
import type { FileTensor } from "../formats/safetensors.ts";
import { count } from "./show.ts";

export interface TensorRow {
  name: string;
  dtype: string;
  shape: readonly number[];
  count: number;
  /** Root of the mean square; null for an empty tensor or one that is not of numbers. */
  rms: number | null;
}

export interface ModelParts {
  task: string;
  writer: string | null;
  config: JsonObject;
  preprocessing: JsonObject;
  provenance: JsonObject;
  checkpoint?: JsonObject;
}

/** What a task says of its models. */
export interface ModelAbout {
  /** Lines of label and text. */
  about(model: ModelParts): [label: string, text: string][];
  /** The scores worth a line, by their name in the provenance, with what they are called. */
  readonly scores: Readonly<Record<string, string>>;
}

export function tensorRows(tensors: ReadonlyMap<string, FileTensor>): TensorRow[] {
  return [...tensors].map(([name, { dtype, shape, data }]) => {
    const n = shape.reduce((product, size) => product * size, 1);
    let sum = 0;
    const numbers = data as ArrayLike<number | bigint>;
    for (let i = 0; i < numbers.length; i++) sum += Number(numbers[i]) ** 2;
    return {
      name,
      dtype,
      shape,
      count: n,
      rms: n > 0 && numbers.length === n && Number.isFinite(sum) ? Math.sqrt(sum / n) : null,
    };
  });
}

/** No control characters: an escape sequence in a name would run in the terminal. */
const plain = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "\ufffd");

/** What stands at a path of a JSON document; undefined where the path ends early. */
export function at(document: unknown, ...path: string[]): unknown {
  let here = document;
  for (const key of path) {
    if (!isObject(here)) return undefined;
    here = here[key];
  }
  return here;
}

/** A value for a line. */
export const word = (value: unknown): string =>
  value === undefined || value === null ? "?" : plain(typeof value === "string" ? value : JSON.stringify(value));
export const words = (value: unknown): string[] => (Array.isArray(value) ? value.map(word) : []);

function tensorTable(rows: readonly TensorRow[]): string {
  const cells = [
    ["tensor", "type", "shape", "numbers", "rms"],
    ...rows.map((r) => [
      plain(r.name),
      r.dtype,
      showShape(r.shape),
      r.count.toLocaleString("en-US"),
      r.rms?.toPrecision(3) ?? "–",
    ]),
  ];
  const widths = cells[0]!.map((_, c) => Math.max(...cells.map((row) => row[c]!.length)));
  return cells
    .map((row) => `  ${row.map((cell, c) => (c < 3 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join("  ")}`.trimEnd())
    .join("\n");
}

/** A safetensors file of another program. */
export function showPlain(
  path: string,
  bytes: number,
  rows: readonly TensorRow[],
  metadata: ReadonlyMap<string, string>,
): string {
  const said = [...metadata].map(
    ([key, value]) => `  ${plain(key)}: ${plain(value.length > 200 ? `${value.slice(0, 200)}…` : value)}`,
  );
  const numbers = rows.reduce((n, r) => n + r.count, 0);
  const head = `${path}: a safetensors file of another program, ${showBytes(bytes)}, ${count(numbers, "number")} in ${count(rows.length, "tensor")}`;
  return [head, ...(said.length > 0 ? ["metadata", ...said] : []), "", tensorTable(rows)].join("\n");
}

/** @param about what its task says of it, for a task that is known */
export function showModel(path: string, bytes: number, model: ModelParts, rows: readonly TensorRow[], about: ModelAbout | undefined): string {
  const { task, writer, provenance, checkpoint } = model;
  const own = rows.filter((r) => !/^(best|optimizer|carried)\./.test(r.name));
  const numbers = own.reduce((n, r) => n + r.count, 0);
  const lines: [string, string][] = [["file", `${path}, ${showBytes(bytes)}, written by ${word(writer)}`]];
  const stamp = at(checkpoint, "train");
  if (checkpoint)
    lines.push([
      "checkpoint",
      `after ${word(at(stamp, "epoch"))} epochs (step ${word(at(stamp, "step"))}); go on with sluice train ${plain(task)} <data> --resume ${path}`,
    ]);
  lines.push(...(about?.about(model) ?? [["task", plain(task)] as [string, string]]));
  if (at(provenance, "source") !== undefined) {
    lines.push([
      "trained on",
      `${word(at(provenance, "source"))}, ${word(at(provenance, "rows"))} rows (fingerprint ${word(at(provenance, "dataHash"))}), seed ${word(at(provenance, "seed"))}, ${word(at(provenance, "backend"))}`,
    ]);
  }
  const scores = at(provenance, "scores");
  const score = (s: unknown): string =>
    Object.entries(about?.scores ?? {})
      .map(([key, name]) => `${name} ${typeof at(s, key) === "number" ? (at(s, key) as number).toPrecision(4) : "–"}`)
      .join(", ");
  if (about && isObject(scores)) {
    lines.push(["test", `network ${score(scores["test"])}`]);
    const baselines = scores["baselines"];
    if (isObject(baselines)) for (const [name, s] of Object.entries(baselines)) lines.push(["", `${plain(name)} ${score(s)}`]);
  }
  lines.push([
    "parameters",
    `${count(numbers, "number")} in ${count(own.length, "tensor")}${rows.length > own.length ? `, and ${count(rows.length - own.length, "tensor")} of best weights and optimizer` : ""}`,
  ]);
  return [...lines.map(([name, text]) => `${name.padEnd(11)} ${text}`), "", tensorTable(own)].join("\n");
}
