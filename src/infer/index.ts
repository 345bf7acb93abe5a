/**
 * @file The door `sluice/infer`: a trained model at work in a page, a worker, a server or on a device. No training code, no dependency;
 * with its kernels below 60 KB gzipped.
 */
import { SluiceError } from "../base/errors.ts";
import type { Column, Table } from "../data/table.ts";
import { Engine } from "../engine/engine.ts";
import { wasmBackend } from "../engine/wasm.ts";
import { code } from "../engine/wasm/plain-infer.embed.ts";
import { decodeModel } from "../formats/model.ts";
import { seriesFor } from "../tasks/forecast/apply.ts";
import { Forecaster, type SeriesForecast } from "../tasks/forecast/forecaster.ts";
import type { ForecastStream } from "../tasks/forecast/stream.ts";

export { SluiceError } from "../base/errors.ts";
export type { SeriesForecast, TargetForecast } from "../tasks/forecast/forecaster.ts";
export type { ForecastRow, ForecastStream } from "../tasks/forecast/stream.ts";

/** Measurements by column name, all of one length: numbers (NaN or null: missing), texts for categories and ids. */
export type Columns = Readonly<Record<string, ArrayLike<number | null> | readonly string[]>>;

export interface ForecastInput {
  /** When each row was measured: dates, or UTC milliseconds. Not needed by a model that counts rows. */
  times?: ArrayLike<number> | readonly Date[];
  /** The columns that the model was trained on. Rows after the last measured target may give known-future covariates. */
  columns: Columns;
}

/** A forecaster that is ready to run. */
export interface InferenceForecaster {
  readonly task: "forecast";
  /** Rows that it must be given at least. */
  readonly lookback: number;
  /** Steps that it forecasts. */
  readonly horizon: number;
  /** Columns that it reads. */
  readonly columns: { targets: readonly string[]; past: readonly string[]; future: readonly string[] };
  /**
   * One forecast per series, starting after its last measured target.
   * @throws missing, data, type: columns that are not there, too few rows, values that are no numbers
   */
  predict(input: ForecastInput): SeriesForecast[];
  /**
   * Takes the rows of one series in one by one and forecasts after each.
   * @param options.id which series it is, for a model that tells them apart
   * @throws missing: no id, where the model needs one
   */
  stream(options?: { id?: string }): ForecastStream;
}

/**
 * Makes a model file ready to run. The kernels are part of this module: nothing else is loaded.
 * @param bytes the whole `.safetensors` file
 * @param where its name, for errors
 * @throws format: damaged, of another version, or of a task that this version cannot run; state: no WebAssembly SIMD
 */
export async function load(bytes: Uint8Array | ArrayBuffer, where = "model"): Promise<InferenceForecaster> {
  const file = decodeModel(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes), where);
  const engine = new Engine(wasmBackend("wasm-plain", await inflate(code)));
  const model = Forecaster.fromFile(file, engine, where);
  const { targetNames, pastNames, futureNames, timeNames } = model.preprocessing;
  return {
    task: "forecast",
    lookback: model.lookback,
    horizon: model.horizon,
    columns: { targets: targetNames, past: pastNames, future: futureNames },
    predict(input) {
      const time = timeNames[0];
      return model.predict(seriesFor(model, tableOf(input, time), { time: time ?? false }));
    },
    stream: (options) => model.stream(options),
  };
}

/** The kernels: base64 of gzip. Stored so, they cost no more in a compressed page than they do on a disk. */
async function inflate(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function tableOf({ times, columns }: ForecastInput, timeName: string | undefined): Table {
  const entries = Object.entries(columns);
  const rows = times?.length ?? entries[0]?.[1].length ?? 0;
  const all: Column[] = entries.map(([name, values]): Column => {
    if (values.length !== rows) throw new SluiceError("shape", `predict: column "${name}" has ${values.length} rows, expected ${rows}, as ${times ? "times" : `"${entries[0]![0]}"`} has`, { column: name });
    if (Array.isArray(values) && typeof values.find((v) => v !== null) === "string") return { name, kind: "text", values: values as string[] };
    return { name, kind: "number", values: Float64Array.from(values as ArrayLike<number | null>, (v) => v ?? Number.NaN) };
  });
  if (timeName !== undefined && times === undefined) throw new SluiceError("missing", `predict: times are missing, expected one for each of the ${rows} rows; the model reads the calendar`);
  if (times !== undefined && timeName !== undefined) {
    // Number(null) would be 1970.
    const ms = (t: number | Date | null): number => (t !== null && Number.isFinite(Number(t)) ? Number(t) : Number.NaN);
    all.push({ name: timeName, kind: "time", values: Float64Array.from(times as ArrayLike<number | Date>, ms) });
  }
  return { source: "input", rows, columns: all, notes: [] };
}
