/** What the package shows to the world. Truth: yesterday (snapshots: `UPDATE=1 npm test` rewrites them; read the diff) and a budget of bytes. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const doors = ["index", "infer/index", "nn/index", "ops/index", "train/index", "data/index", "formats/index", "tasks/index", "plot/index", "text/index"];

test.each(doors)("public names of %s", async (door) => {
  const module = (await import(join(root, "src", `${door}.ts`))) as Record<string, unknown>;
  await expect(Object.keys(module).sort().join("\n")).toMatchFileSnapshot(`names/${door.replace("/", "-")}.txt`);
});

test("package.json opens exactly these doors", () => {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: Record<string, unknown> };
  const names = Object.keys(exports).filter((name) => name !== "./package.json").sort();
  expect(names).toEqual(doors.map((d) => (d === "index" ? "." : `./${d.split("/")[0]}`)).sort());
});

test("sluice/infer with its kernels and a forecaster stays below 60 KB gzipped, and takes nothing from elsewhere", async () => {
  const out = await build({ entryPoints: [join(root, "src/infer/index.ts")], bundle: true, minify: true, format: "esm", write: false, metafile: true });
  const bytes = gzipSync(out.outputFiles[0]!.contents, { level: 9 }).length;
  expect(bytes).toBeLessThan(60_000);
  expect(bytes).toBeGreaterThan(20_000); // the kernels are in it
  expect(Object.keys(out.metafile.inputs).filter((file) => file.includes("node_modules"))).toEqual([]);
});

test.each(doors)("%s as it is packed bundles for a browser without settings", async (door) => {
  const name = door === "index" ? "sluice" : `sluice/${door.split("/")[0]}`;
  const out = await build({
    stdin: { contents: `export * from "${name}";`, resolveDir: root },
    ...{ bundle: true, format: "iife", globalName: "door", write: false, logLevel: "silent" },
  });
  // A world with no `process`, no `Buffer` and no `require`.
  const context = createContext({ TextDecoder, TextEncoder, WebAssembly, performance, console });
  const packed = runInContext(`${out.outputFiles[0]!.text};door`, context) as Record<string, (...args: unknown[]) => unknown>;
  expect(Object.keys(packed).sort()).toEqual(Object.keys((await import(join(root, "src", `${door}.ts`))) as object).sort());
  if (name === "sluice/text") await expect(packed["readText"]!("a.txt")).rejects.toThrow("readText: there are no files in a browser");
  if (name !== "sluice/data") return;
  const table = packed["parseCsv"]!('a,b\n1,"x, y"\n') as { columns: { values: ArrayLike<unknown> }[] };
  expect(table.columns.map(({ values }) => Array.from(values))).toEqual([[1], ["x, y"]]);
  await expect(packed["readTable"]!("a.csv")).rejects.toThrow("readTable: there are no files in a browser");
});

test("types are there for a project that a bundler resolves", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-types-"));
  try {
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(root, join(folder, "node_modules", "sluice"));
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    const names = doors.map((door) => (door === "index" ? "sluice" : `sluice/${door.split("/")[0]}`));
    writeFileSync(join(folder, "all.ts"), `${names.map((name, i) => `export * as d${i} from "${name}";`).join("\n")}\nexport { readBytes, writeAtomic } from "sluice/formats";\n`);
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    for (const resolution of ["bundler", "nodenext"]) {
      const module = resolution === "bundler" ? "esnext" : "nodenext";
      const run = spawnSync(process.execPath, [tsc, "--noEmit", "--strict", "--target", "es2022", "--module", module, "--moduleResolution", resolution, "--lib", "es2023,dom", "--typeRoots", join(root, "node_modules/@types"), "--types", "node", "all.ts"], { cwd: folder, encoding: "utf8" });
      expect(run.stdout).toBe("");
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a user who takes one layer does not get the others' code", async () => {
  const out = await build({
    stdin: { contents: 'export { Linear } from "./src/nn/index.ts";', resolveDir: root },
    ...{ bundle: true, minify: true, format: "esm", write: false },
  });
  const text = out.outputFiles[0]!.text;
  expect(text).toContain("linear: inputSize");
  expect(text).not.toContain("Long short-term memory");
  expect(text.length).toBeLessThan(20_000);
});
