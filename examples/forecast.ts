/**
 * @file From a table to a forecast: reads a CSV (or makes up some weather), trains with events, scores beside the baselines, forecasts
 * what comes next and draws it.
 *
 *     npm run example -- forecast                                     four years of made-up weather
 *     npm run example -- forecast data.csv price 24                   your own file, column and horizon
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readTable, sampleWeather, type Table } from "sluice/data";
import { encodeModel } from "sluice/formats";
import { forecastSvg } from "sluice/plot";
import { forecast } from "sluice/tasks";

/** Trains on `table`; leaves model.safetensors and forecast.svg in `folder`. */
export async function trainAndDraw(table: Table, options: forecast.ForecastOptions, folder: string) {
  // Training is an async iterator: nothing runs until an event is asked for, and leaving the loop stops it.
  const run = forecast.train(table, options);
  let next = await run.next();
  for (; !next.done; next = await run.next()) {
    const event = next.value;
    if (event.type === "plan") console.log(`${event.windows.train} windows, ${event.parameters} parameters, look-back ${event.plan.lookback}`);
    if (event.type === "epoch") console.log(`epoch ${event.epoch}  train ${event.trainLoss.toFixed(4)}  valid ${event.validLoss?.toFixed(4)}`);
    if (event.type === "report") console.log(event.report.verdict.text);
  }
  const { model: forecaster, report } = next.value; // what the iterator returns at its end

  // One forecast per series of the table, beginning after its last measured row. Every target has a point and its quantiles.
  const { set, forecasts } = forecast.predict(forecaster, table);
  const [first] = forecasts[0]!.targets;
  console.log(`next ${first!.name}: ${Array.from(first!.point.subarray(0, 6), (v) => v.toFixed(1)).join(", ")}, …`);

  mkdirSync(folder, { recursive: true });
  const model = join(folder, "model.safetensors");
  const picture = join(folder, "forecast.svg");
  writeFileSync(model, encodeModel(forecaster.toFile("examples/forecast"))); // weights, settings, scaler and scores in one file
  writeFileSync(picture, forecastSvg(forecast.plot(forecaster, set, forecasts, `Forecast of ${first!.name}`)));
  console.log(`written: ${model}, ${picture}`);
  return { report, forecasts, model, picture };
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const [file, target = "temperature", horizon = "24"] = process.argv.slice(2);
  const table = file === undefined ? sampleWeather() : await readTable(file);
  const past = file === undefined ? ["humidity", "pressure", "cloud"] : []; // covariates known up to now
  await trainAndDraw(table, { targets: target, past, horizon: Number(horizon), epochs: 5 }, "bench/out/example-forecast");
}
