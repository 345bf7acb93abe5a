/**
 * @file `npm run bench -- tables`: writes the measured parts of docs/performance.md anew from the last run's report, and leaves its words alone.
 *
 *     npm run bench && npm run bench -- tables [--from bench/out/versus/versus.json]
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { SluiceError } from "../src/index.ts";
import { flags } from "./shared/flags.ts";
import { fill } from "./versus/page.ts";
import type { Report } from "./versus/report.ts";

const { from, page } = flags({ from: "bench/out/versus/versus.json", page: "docs/performance.md" });
if (!existsSync(from)) throw new SluiceError("missing", `bench: ${from} is not there, expected a report; "npm run bench" writes one`);
writeFileSync(page, fill(readFileSync(page, "utf8"), JSON.parse(readFileSync(from, "utf8")) as Report));
console.log(`${page}: written from ${from}`);
