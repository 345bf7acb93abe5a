/** @file `sluice sample-data`: made-up data to try things with. Node-only. */
import type { Command } from "commander";
import { newCommand, newGroup, positive, shellWords, wholeNumber } from "./command.ts";
import { checkOutput } from "./paths.ts";
import type { Session } from "./session.ts";

interface Flags {
  out?: string;
  years?: number;
  seed?: number;
}

const examples = `
Examples:
  $ sluice sample-data weather --out weather.csv
  $ sluice sample-data weather --years 2 --seed 3 > weather.csv`;

export const command = (session: Session): Command =>
  newGroup("sample-data", "Writes made-up data as CSV.", "<kind> …")
    .addCommand(
      newCommand(
        "weather",
        "An hourly weather station: temperature, humidity, pressure, wind, cloud, sun and rain; with trend, days, years, fronts, noise and gaps.",
      )
        .option("--out <file.csv>", "default: stdout")
        .option("--years <n>", "length; default 4", positive("--years"))
        .option("--seed <n>", "another seed, another weather; default 7", wholeNumber("--seed", 0))
        .optionsGroup("General:")
        .option("--json", "end with one JSON object on stdout; needs --out")
        .option("--quiet", "say nothing")
        .addHelpText("after", examples)
        .action((flags: Flags) => writeWeather(flags, session)),
    )
    .addHelpText("after", examples);

async function writeWeather({ out, years, seed }: Flags, session: Session): Promise<void> {
  if (out !== undefined) checkOutput("--out", out);
  const [{ sampleWeather }, { toCsv }, { writeAtomic }] = await Promise.all([
    import("../data/weather.ts"),
    import("../data/write.ts"),
    import("../formats/files.ts"),
  ]);
  const table = sampleWeather({ ...(years === undefined ? {} : { years }), ...(seed === undefined ? {} : { seed }) });
  const chunks = toCsv(table);
  if (out === undefined) {
    if (!session.json) for (const text of chunks) process.stdout.write(text);
  } else {
    writeAtomic(out, bytesOf(chunks));
    session.say(`${out}: ${table.rows.toLocaleString("en-US")} rows of ${table.columns.map((c) => c.name).join(", ")}`);
    session.say(
      `next   sluice ${shellWords(["train", "forecast", out, "--target", "temperature", "--horizon", "24", "--past", "humidity,pressure,wind,cloud,solar,rain"])}`,
    );
  }
  session.result({ kind: "weather", out: out ?? null, rows: table.rows, columns: table.columns.map((c) => c.name) });
}

function* bytesOf(texts: Iterable<string>): Generator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}
