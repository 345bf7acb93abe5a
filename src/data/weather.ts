/**
 * @file A made-up weather station: hourly data one can forecast, but not with a ruler. Fronts part air masses: pressure falls
 * and high cloud thickens in the day before one, and only then temperature jumps, by how much and which way depending on the
 * masses. Cloud damps the daily cycle by a factor. Spells of westerly and of continental weather follow other rules. PURE,
 * deterministic.
 */
import { SluiceError } from "../base/errors.ts";
import { Rng } from "../base/random.ts";
import type { Table } from "./table.ts";

export interface WeatherOptions {
  /** A whole number from 0; default 7. */
  seed?: number;
  /** Length in years of 365 days, above 0, at most 100; default 4. */
  years?: number;
  /** First hour, UTC ms; default 1 January 2021. */
  start?: number;
  /** Whether rows and cells are missing here and there; default true. */
  gaps?: boolean;
}

const hour = 3_600_000;
const yearHours = 365.2425 * 24;
/** Hours simulated before the first row, so that it starts in the middle of things. */
const settle = 96;
const latitude = (52 * Math.PI) / 180;

/** A boundary between two air masses. Times are in hours from the start. */
interface Front {
  arrival: number;
  /** Temperature of the new air less that of the old, °C. */
  jump: number;
  /** Dampness of the new air, 0 (continental) to 1 (oceanic). */
  damp: number;
  /** Hours its warning signs last before it. */
  lead: number;
  /** Pressure trough, hPa: grows with the contrast. */
  depth: number;
}

/**
 * Hourly rows: time; temperature °C; humidity %; pressure hPa; wind m/s; cloud 0–1; solar W/m²; rain mm.
 * With gaps, about two outages a year drop whole rows, single cells are missing (0.2%), and the hygrometer fails for two days
 * once.
 * @throws range: `years` is not above 0 and at most 100
 */
export function sampleWeather(options: WeatherOptions = {}): Table {
  const { seed = 7, years = 4, start = Date.UTC(2021, 0, 1), gaps = true } = options;
  if (!(years > 0 && years <= 100))
    throw new SluiceError("range", `sampleWeather: years is ${years}, expected above 0 and at most 100`, { years });
  const rng = new Rng(seed);
  const hours = Math.max(1, Math.round(years * 365 * 24));
  const fronts = drawFronts(rng.split(), hours, start);
  const columns = simulate(rng.split(), fronts, hours, start);
  const kept = gaps ? breakThings(rng.split(), columns, hours) : Uint32Array.from({ length: hours }, (_, i) => i);
  const pick = (values: Float64Array) => Float64Array.from(kept, (i) => values[i]!);
  return {
    source: "weather",
    rows: kept.length,
    columns: [
      { name: "time", kind: "time", values: Float64Array.from(kept, (i) => start + i * hour) },
      ...Object.entries(columns).map(([name, values]) => ({ name, kind: "number" as const, values: pick(values) })),
    ],
    notes: [],
  };
}

/** −1 in deepest winter (about 20 January) to 1 in high summer. */
const seasonAt = (ms: number): number => -Math.cos((2 * Math.PI * (ms / hour - 20 * 24)) / yearHours);

function drawFronts(rng: Rng, hours: number, start: number): Front[] {
  const fronts: Front[] = [];
  let anomaly = 0;
  let westerly = rng.uniform() < 0.6;
  let spellEnds = 0;
  for (let t = -settle - 100; t < hours + 100; ) {
    if (t >= spellEnds) {
      westerly = !westerly;
      spellEnds = t + (westerly ? 400 : 260) * (0.5 + rng.uniform());
    }
    const season = seasonAt(start + t * hour);
    // The sea is mild in winter and cool in summer; the continent cold in winter and hot in summer.
    const target = (westerly ? -2.5 : 4) * season + (westerly ? 3 : 3.4) * rng.normal();
    const jump = Math.max(-12, Math.min(12, target - anomaly));
    anomaly += jump;
    const warm = jump > 0;
    fronts.push({
      arrival: t,
      jump,
      damp: Math.min(1, Math.max(0, (westerly ? 0.8 : 0.3) + 0.12 * rng.normal())),
      lead: warm ? 34 : 22,
      depth: (2 + 0.16 * jump * jump * (warm ? 0.7 : 1)) * (0.85 + 0.3 * rng.uniform()),
    });
    t += (westerly ? 58 : 96) * (0.35 + 1.1 * rng.uniform() + 0.2 * rng.uniform());
  }
  return fronts;
}

const squash = (x: number): number => 1 / (1 + Math.exp(-x));

function simulate(rng: Rng, fronts: readonly Front[], hours: number, start: number): Record<string, Float64Array> {
  const names = ["temperature", "humidity", "pressure", "wind", "cloud", "solar", "rain"];
  const out = Object.fromEntries(names.map((name) => [name, new Float64Array(hours)]));
  const put = (name: string, i: number, value: number, digits: number) => {
    if (i >= 0) out[name]![i] = Math.round(value * 10 ** digits) / 10 ** digits;
  };
  let passed = 0; // fronts that have gone through
  let air = 0; // temperature anomaly of the air mass overhead
  let damp = 0.6;
  let ground = 9 + 7 * seasonAt(start); // temperature at the station
  let haze = 0; // slow noise of cloud
  let level = 0; // slow noise of pressure, hPa
  let gust = 0;
  let wobble = 0;
  for (let i = -settle; i < hours; i++) {
    const ms = start + i * hour;
    while (passed < fronts.length && fronts[passed]!.arrival <= i) {
      air += fronts[passed]!.jump;
      passed++;
    }
    const last = fronts[passed - 1];
    const next = fronts[passed];
    damp += 0.15 * ((last?.damp ?? 0.6) - damp);
    haze = 0.97 * haze + 0.16 * rng.normal();
    level = 0.994 * level + 0.55 * rng.normal();
    gust = 0.8 * gust + 0.25 * rng.normal();
    wobble = 0.9 * wobble + 0.1 * rng.normal();

    // Signs of the front to come, and what is left of the one that went.
    const ahead = next === undefined ? 0 : Math.max(0, 1 - (next.arrival - i) / next.lead);
    const since = last === undefined ? 1e3 : i - last.arrival;
    const fall = (next?.depth ?? 0) * ahead ** 1.5;
    const rise = (last?.depth ?? 0) * Math.exp(-since / 7);
    const warmNext = (next?.jump ?? 0) > 0;
    const frontCloud =
      (next?.depth ?? 0) * (warmNext ? 0.55 * ahead : 0.7 * ahead ** 4) + (last?.depth ?? 0) * 0.4 * Math.exp(-since / 5);
    const cloud = squash(-3.2 + 3.4 * damp + haze + frontCloud);

    const sun = solarHeight(ms);
    const solar = 990 * Math.max(0, sun) ** 1.15 * (1 - 0.78 * cloud ** 1.6);
    const wind = Math.max(
      0.1,
      (1.3 + 0.28 * (fall + rise) + 1.1 * damp + 0.8 * Math.max(0, sun) * (1 - cloud)) * Math.exp(0.55 * gust),
    );

    // Energy balance of the ground: sun in, heat out under a clear sky, and the wind carrying the air mass in.
    const climate = 9.5 + (0.04 * (ms - Date.UTC(2021, 0, 1))) / (yearHours * hour) + 7 * seasonAt(ms);
    const calm = 1 / (1 + 0.22 * wind);
    ground +=
      0.0058 * solar * calm -
      1.25 * (1 - 0.82 * cloud) * calm +
      (0.05 + 0.02 * wind) * (climate + air - ground) +
      0.12 * rng.normal();
    const temperature = ground + wobble;

    const dew = climate + air - 7.5 + 6.5 * damp + 0.8 * Math.min(1, rise);
    const humidity = Math.min(100, Math.max(12, 100 * Math.exp(0.0625 * Math.min(0, dew - temperature)) + 1.2 * rng.normal()));
    const wet = (cloud - 0.8) * 5 + 0.12 * frontCloud - 0.5 + 0.35 * rng.normal();
    put("temperature", i, temperature, 1);
    put("humidity", i, humidity, 0);
    put("pressure", i, 1018 + level - 4 * (damp - 0.5) - 1.5 * (fall + rise) + 0.15 * rng.normal(), 1);
    put("wind", i, wind, 1);
    put("cloud", i, Math.round(cloud * 8) / 8, 3);
    put("solar", i, Math.max(0, solar * (1 + 0.04 * rng.normal())), 0);
    put("rain", i, wet > 0 ? wet ** 1.5 * 2.5 : 0, 1);
  }
  return out;
}

/** Sine of the sun's height at noon-centred solar time; declination by Cooper 1969. */
function solarHeight(ms: number): number {
  const days = ms / (24 * hour);
  const declination = ((23.45 * Math.PI) / 180) * Math.sin((2 * Math.PI * (284 + ((days % 365.2425) + 1))) / 365.2425);
  const angle = 2 * Math.PI * ((days % 1) - 0.5);
  return Math.sin(latitude) * Math.sin(declination) + Math.cos(latitude) * Math.cos(declination) * Math.cos(angle);
}

/** Blanks cells in place; returns the rows that stay after the outages. */
function breakThings(rng: Rng, columns: Record<string, Float64Array>, hours: number): Uint32Array {
  const gone = new Uint8Array(hours);
  for (let n = Math.round((2 * hours) / yearHours); n > 0; n--) {
    const from = rng.below(hours);
    // The first and last days stay, so that a series begins and ends with data.
    gone.fill(1, Math.max(48, from), Math.min(Math.max(0, hours - 48), from + 2 + rng.below(30)));
  }
  for (const values of Object.values(columns)) {
    for (let i = 48; i < hours - 48; i++) if (rng.uniform() < 0.002) values[i] = Number.NaN;
  }
  if (hours > 2000) {
    const from = Math.floor(hours * (0.3 + 0.2 * rng.uniform()));
    columns["humidity"]!.fill(Number.NaN, from, from + 50);
  }
  return Uint32Array.from(gone.keys()).filter((i) => gone[i] === 0);
}
