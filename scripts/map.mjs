/** @file The house at a glance: floors from top to bottom, with the files and lines of each. `npm run map -- nn` lists the files of one folder. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
/** Highest first, as the floors test has them (test/house/floors.test.ts). */
const floors = [["cli"], ["index.ts"], ["infer"], ["tasks"], ["train", "data", "formats", "plot", "text"], ["nn"], ["ops"], ["engine"], ["base"]];

/** Source files below a folder, without what is generated. */
function filesOf(folder) {
  if (folder.endsWith(".ts")) return [join(root, folder)];
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile() && /\.(ts|mjs|cpp|h)$/.test(e.name) && !/\.(embed|gen)\.ts$/.test(e.name) && !/[\\/](out|node_modules)\b/.test(e.parentPath.slice(root.length - 1)))
    .map((e) => join(e.parentPath, e.name))
    .sort();
}
const linesOf = (file) => readFileSync(file, "utf8").split("\n").length - 1;
const isTest = (file) => file.endsWith(".test.ts");
const firstWords = (file) => /@file\s+(.+?)(?:\.\s|\s*\*\/|\n|$)/.exec(readFileSync(file, "utf8"))?.[1]?.slice(0, 90) ?? "";

function row(name, folder) {
  const files = filesOf(folder);
  const sum = (some) => some.reduce((n, file) => n + linesOf(file), 0);
  const [code, tests] = [files.filter((f) => !isTest(f)), files.filter(isTest)];
  const beside = tests.length > 0 ? `  + ${String(sum(tests)).padStart(5)} lines of tests beside` : "";
  console.log(`${name.padEnd(16)} ${String(code.length).padStart(4)} ${code.length === 1 ? "file " : "files"} ${String(sum(code)).padStart(6)} lines${beside}`);
}

const [folder] = process.argv.slice(2);
if (folder) {
  const where = /^(kernels|native|test|bench|examples|scripts)\b/.test(folder) ? folder : join("src", folder);
  for (const file of filesOf(where)) console.log(`${String(linesOf(file)).padStart(5)}  ${relative(root, file).padEnd(40)} ${firstWords(file)}`);
} else {
  for (const [i, peers] of floors.entries()) for (const name of peers) row(`${floors.length - i}  src/${name}`, join("src", name));
  row("0  kernels", "kernels");
  for (const name of ["native", "test", "bench", "examples", "scripts"]) row(`   ${name}`, name);
}
