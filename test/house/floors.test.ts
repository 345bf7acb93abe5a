/** The floors of the house: imports go down only, and peers on one floor don't import each other. Truth: docs/architecture.md. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { expect, test } from "vitest";

const src = join(import.meta.dirname, "../../src");
/** Lowest first; folders in one row are peers. */
const floors = [["base"], ["engine"], ["ops"], ["nn"], ["train", "data", "formats", "plot", "text"], ["tasks"], ["infer"], ["index"], ["cli"]];
const levelOf = (folder: string) => floors.findIndex((row) => row.includes(folder));
const folderOf = (file: string) => {
  const [first = ""] = relative(src, file).split(sep);
  return first.replace(/\.ts$/, "");
};

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile() && /(?<!\.test|\.d|\.embed)\.ts$/.test(e.name))
    .map((e) => join(e.parentPath, e.name));
}

/** Every `from "…"` and `import("…")` of a file; comments aside. */
function importsOf(file: string): { name: string; typeOnly: boolean }[] {
  const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  return [...text.matchAll(/(import type|export type|import|export)[^"';]*?from\s+"([^"]+)"|import\(\s*"([^"]+)"\s*\)|^import\s+"([^"]+)"/gm)].map((m) => ({
    name: m[2] ?? m[3] ?? m[4]!,
    typeOnly: /type$/.test(m[1] ?? ""),
  }));
}

const files = sources(src);

test("every folder has a floor", () => {
  expect([...new Set(files.map(folderOf))].filter((f) => levelOf(f) < 0)).toEqual([]);
});

test("imports go down only", () => {
  const wrong: string[] = [];
  for (const file of files) {
    for (const { name } of importsOf(file)) {
      if (!name.startsWith(".")) continue;
      const [from, to] = [folderOf(file), folderOf(join(dirname(file), name))];
      if (from === to) continue;
      if (levelOf(to) >= levelOf(from)) wrong.push(`${relative(src, file)} imports ${name}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("files say why they exist", () => {
  expect(files.filter((f) => !/^(#!.*\n)?\/\*\*\s[^/]*@file /.test(readFileSync(f, "utf8")))).toEqual([]);
});

test("what a browser needs imports no Node module at load time", () => {
  const seen = new Set<string>();
  const visit = (file: string): string[] => {
    if (seen.has(file)) return [];
    seen.add(file);
    const text = readFileSync(file, "utf8");
    const loadedAtOnce = importsOf(file).filter(({ name, typeOnly }) => !typeOnly && !text.includes(`import("${name}")`));
    return loadedAtOnce.flatMap(({ name }) => (name.startsWith("node:") ? [`${relative(src, file)}: ${name}`] : name.startsWith(".") ? visit(join(dirname(file), name)) : []));
  };
  const doors = ["index.ts", "infer/index.ts", "nn/index.ts", "ops/index.ts", "train/index.ts", "data/index.ts", "formats/index.ts", "tasks/index.ts", "plot/index.ts", "text/index.ts"];
  expect(doors.flatMap((door) => visit(join(src, door)))).toEqual([]);
});
