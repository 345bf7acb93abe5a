/**
 * @file Runs a TypeScript file of `bench/` or `examples/` on any Node from 20 on: `npm run bench` (against every peer), `npm run bench -- adding
 * --seeds 1,2`, `npm run example -- forecast`. It is bundled with esbuild first (benchmarks take the library from `src/`, examples import the
 * built package as a user would) and then runs in a process of its own, which gets the remaining words.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import "../scripts/embed.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const [folder = "bench", ...given] = process.argv.slice(2);
// Without a name, the benchmark against everybody else.
const unnamed = folder === "bench" && (given.length === 0 || given[0].startsWith("--"));
const [name, ...words] = unnamed ? ["versus", ...given] : given;
const entry = join(root, folder, `${name}.ts`);

if (name === undefined || !/^[\w-]+$/.test(name) || !existsSync(entry)) {
  const names = readdirSync(join(root, folder)).flatMap((file) => (file.endsWith(".ts") ? [file.slice(0, -3)] : []));
  console.error(`${folder}: ${name === undefined ? "no name given" : `"${name}" is not there`}, expected one of ${names.join(", ")}`);
  process.exit(2);
}

const outfile = join(root, "bench/out", `${folder}-${name}.mjs`);
await build({
  ...{ entryPoints: [entry], outfile, bundle: true, packages: "external", platform: "node", format: "esm", target: "node20" },
  ...{ logLevel: "error", sourcemap: "inline" },
});
// Benchmarks measure what every machine has, WebAssembly, unless another backend is asked for.
const env = folder === "bench" ? { SLUICE_BACKEND: "wasm", ...process.env } : process.env;
const { status, signal } = spawnSync(process.execPath, ["--enable-source-maps", "--expose-gc", outfile, ...words], { cwd: root, stdio: "inherit", env });
if (signal) console.error(`${folder}: ${name} was ended by ${signal}`);
process.exit(status ?? 1);
