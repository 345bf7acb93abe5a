/** @file The main job, `npm start`: makes up four years of weather, trains a 24-hour temperature forecaster on them and shows how good it is, by the command line's own code. */
import { mkdirSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../dist/cli/run.js";

const folder = relative(process.cwd(), fileURLToPath(new URL("../demo-output/", import.meta.url))) || ".";
mkdirSync(folder, { recursive: true });
const file = (name) => `${folder}/${name}`;

const past = "humidity,pressure,wind,cloud,solar,rain";
const steps = [
  ["sample-data", "weather", "--out", file("weather.csv")],
  // Ten passes are most of what there is to learn, and under a minute; without --epochs it trains longer and errs a little less.
  [
    "train",
    "forecast",
    file("weather.csv"),
    "--target",
    "temperature",
    "--horizon",
    "24",
    "--past",
    past,
    "--epochs",
    "10",
    "--out",
    file("model.safetensors"),
  ],
  // The last day is kept from the model and drawn beside its forecast.
  [
    "predict",
    file("model.safetensors"),
    file("weather.csv"),
    "--hold-out",
    "--out",
    file("forecast.csv"),
    "--plot",
    file("forecast.svg"),
  ],
];
for (const words of steps) {
  console.error(`\n$ sluice ${words.join(" ")}`);
  const code = await run(words);
  if (code !== 0) process.exit(code);
}
console.error(
  `\nOpen ${file("forecast.svg")} in a browser. Your own data: npx sluice train forecast data.csv --target <column> --horizon <steps>`,
);
