/** @file A trained forecaster: the network, what was fitted around it, and how both go to a file and come back. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import { fillColumn, fillGaps } from "../../data/gaps.ts";
import { invertScaler } from "../../data/scale.ts";
import { historyLength, type Series, type SeriesSet, timeAt } from "../../data/series.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Param } from "../../engine/tensor.ts";
import type { JsonObject } from "../../formats/json.ts";
import type { LoadedModel, ModelFile } from "../../formats/model.ts";
import { Init } from "../../nn/init.ts";
import { parametersOf } from "../../nn/module.ts";
import { loadTensors, requireTask, tensorsOf } from "../common/model-file.ts";
import type { TaskModel } from "../common/run.ts";
import { cutInputs, type InstanceNorm } from "./batch.ts";
import { checkForecaster } from "./check.ts";
import { type ForecastNetwork, makeNetwork, type NetworkConfig } from "./network.ts";
import { type Decoded, decode, numbersOf, type OutputConfig } from "./output.ts";
import { type Prepared, type Preprocessing, prepare } from "./prepare.ts";
import { type ForecastStream, RowStream } from "./stream.ts";

/** JSON that rebuilds a forecaster. */
export interface ForecasterConfig {
  network: NetworkConfig;
  output: OutputConfig;
  norm: InstanceNorm;
}

/** One target column's forecast, in its own units. */
export interface TargetForecast {
  name: string;
  /** [M] */
  point: Float32Array;
  /** [M] at each level, lowest level first. */
  quantiles: { level: number; values: Float32Array }[];
}

/** One series' forecast. */
export interface SeriesForecast {
  id: string;
  /** Times of the M steps forecast (UTC ms), or row numbers. */
  times: Float64Array;
  targets: TargetForecast[];
  /** What had to be repaired in the look-back. */
  notes: string[];
}

/** Windows put through the network at a time. */
const BATCH = 256;

export class Forecaster implements TaskModel {
  readonly network: ForecastNetwork;
  readonly params: ReadonlyMap<string, Param>;

  constructor(
    readonly engine: Engine,
    readonly config: ForecasterConfig,
    readonly preprocessing: Preprocessing,
    init: Init,
    /** Where the model comes from: seed, data, scores. */
    public provenance: JsonObject = {},
  ) {
    this.network = makeNetwork(config.network, init);
    this.params = parametersOf(this.network);
  }

  get lookback(): number {
    return this.config.network.lookback;
  }
  get horizon(): number {
    return this.config.network.horizon;
  }

  /**
   * Forecasts of the windows that begin at `starts` (rows of the prepared matrix), in scaled units: [M, windows · C].
   * Any number of windows; they go through the network in batches.
   */
  *windows(data: Prepared, starts: Int32Array): Generator<{ first: number; count: number; forecast: Decoded }> {
    const { network, output, norm } = this.config;
    for (let first = 0; first < starts.length; first += BATCH) {
      const part = starts.subarray(first, Math.min(first + BATCH, starts.length));
      const forecast = this.engine.scope(() => {
        const { inputs, scales } = cutInputs(data, network, norm, this.engine.ints([part.length], part));
        const raw = this.network.forward(inputs);
        const items = part.length * network.targets;
        return decode(output, raw.data, network.horizon / network.segment, items, network.segment, numbersOf(scales.loc), numbersOf(scales.scale));
      });
      yield { first, count: part.length, forecast };
    }
  }

  /**
   * Forecasts the M steps after each series' last measured target. Missing values in the look-back are filled: gaps by a straight line,
   * ends by the nearest value; `notes` says how many.
   * @throws data: a series is shorter than the look-back, or known-future covariates do not cover the horizon
   */
  predict(set: SeriesSet): SeriesForecast[] {
    const ends = set.series.map(historyLength);
    const notes = set.series.map((): string[] => []);
    const filled = fillGaps(set, { maxGap: this.lookback }).set;
    const slices = filled.series.map((s, i) => this.#slice(s, set, ends[i]!, notes[i]!));
    // In a scope: who forecasts in a loop must not wait for the garbage collector to get the memory back.
    return this.engine.scope(() => {
      const data = prepare(this.engine, { ...set, series: slices }, this.preprocessing);
      const forecasts: SeriesForecast[] = [];
      for (const { first, count, forecast } of this.windows(data, Int32Array.from(data.offsets))) {
        for (let b = 0; b < count; b++) forecasts.push(this.#read(forecast, b, count, slices[first + b]!, notes[first + b]!));
      }
      return forecasts;
    });
  }

  /**
   * Takes the rows of one series in one by one and forecasts after each, as `predict` would on all of them.
   * @param options.id which series it is, for a model that tells them apart
   * @throws missing: no id, where the model needs one
   */
  stream(options: { id?: string } = {}): ForecastStream {
    return new RowStream(this, options.id);
  }

  /** Look-back and horizon of one series, without missing inputs. */
  #slice(s: Series, set: SeriesSet, end: number, notes: string[]): Series {
    const { lookback: L, horizon: M, preprocessing } = this;
    const who = s.id ? `series "${s.id}"` : "the series";
    if (end < L) {
      throw new SluiceError("data", `predict: ${who} has ${end} rows up to its last measured target, expected at least ${L}; the model looks back so far`, { rows: end, need: L });
    }
    const width = s.width;
    const rows = L + M;
    const values = new Float32Array(rows * width).fill(Number.NaN);
    values.set(s.values.subarray((end - L) * width, Math.min(end + M, s.length) * width));
    for (let t = L; t < rows; t++) for (let c = 0; c < width - s.future; c++) values[t * width + c] = Number.NaN;
    let missing = 0;
    for (let c = 0; c < width; c++) {
      const known = c >= width - s.future;
      const span = values.subarray(0, (known ? rows : L) * width);
      if (known) {
        for (let t = L; t < rows; t++) {
          if (!Number.isNaN(values[t * width + c])) continue;
          const name = preprocessing.futureNames[c - (width - s.future)];
          throw new SluiceError("data", `predict: "${name}" of ${who} is missing ${t - L + 1} steps after the last target, expected it for all ${M} steps of the horizon; add rows with its future values and empty targets`, { column: name });
        }
      }
      missing += fillEnds(span, c, width);
    }
    if (missing > 0) notes.push(`${missing} missing value${missing === 1 ? "" : "s"} at the ends of the look-back taken from the nearest measured one`);
    const times = new Float64Array(rows);
    for (let t = 0; t < rows; t++) times[t] = timeAt(set, s, end - L + t);
    return { ...s, start: times[0]!, times, length: rows, values, measured: values };
  }

  /** Forecast `b` of a batch of `count`, back in the targets' own units. */
  #read({ point, quantiles }: Decoded, b: number, count: number, s: Series, notes: string[]): SeriesForecast {
    const { scaler, targetNames } = this.preprocessing;
    const C = targetNames.length;
    const M = this.horizon;
    const { quantiles: levels } = this.config.output;
    const own = (pick: (at: number) => number): Float32Array => {
      const rows = new Float32Array(M * C);
      for (let m = 0; m < M; m++) for (let c = 0; c < C; c++) rows[m * C + c] = pick(m * count * C + b * C + c);
      return invertScaler(scaler, rows, s.id, rows, C);
    };
    const column = (rows: Float32Array, c: number) => Float32Array.from({ length: M }, (_, m) => rows[m * C + c]!);
    const points = own((at) => point[at]!);
    const fans = levels.map((_, q) => own((at) => quantiles[at * levels.length + q]!));
    return {
      id: s.id,
      times: s.times.slice(this.lookback),
      notes,
      targets: targetNames.map((name, c) => ({
        name,
        point: column(points, c),
        quantiles: levels.map((level, q) => ({ level, values: column(fans[q]!, c) })),
      })),
    };
  }

  /** The model as a file holds it. */
  toFile(writer: string): ModelFile {
    return {
      task: "forecast",
      writer,
      config: this.config as unknown as JsonObject,
      preprocessing: this.preprocessing as unknown as JsonObject,
      provenance: this.provenance,
      tensors: tensorsOf(this.params),
    };
  }

  /**
   * The forecaster that a file holds.
   * @throws format: another task's model, a config that does not describe a forecaster, tensors that are missing or of another shape
   */
  static fromFile(file: LoadedModel, engine: Engine, where: string): Forecaster {
    requireTask(file, "forecast", where);
    const { config, preprocessing } = checkForecaster(file, where);
    const model = new Forecaster(engine, config, preprocessing, new Init(engine, null), file.provenance);
    loadTensors(model.params, file, where);
    return model;
  }
}

/** Fills what is missing of column `c` of `values` [T, width] in place: inside by a straight line, at the ends by the nearest value, 0 if there is none. */
function fillEnds(values: Float32Array, c: number, width: number): number {
  fillColumn(values, c, width, values.length);
  const T = values.length / width;
  let first = 0;
  while (first < T && Number.isNaN(values[first * width + c])) first++;
  let last = T - 1;
  while (last > first && Number.isNaN(values[last * width + c])) last--;
  for (let t = 0; t < first; t++) values[t * width + c] = first < T ? values[first * width + c]! : 0;
  for (let t = last + 1; t < T; t++) values[t * width + c] = values[last * width + c]!;
  return first + Math.max(0, T - 1 - last);
}
