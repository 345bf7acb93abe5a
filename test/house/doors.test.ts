/** What the package shows to the world. Truth: yesterday (snapshots: `UPDATE=1 npm test` rewrites them; read the diff) and a budget of bytes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const doors = ["index", "infer/index", "nn/index", "ops/index", "train/index", "data/index", "formats/index", "tasks/index", "plot/index"];

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
