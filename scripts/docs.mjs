/**
 * @file Writes the reference pages: `docs/ops.md` from the op table, `docs/api/*.md` from the declarations that the compiler emits.
 * `npm run docs` writes; `npm run docs -- --check` compares with what is committed and fails where they differ.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { apiPages } from "./docs/api.mjs";
import { opTable, opsPage } from "./docs/ops.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const check = process.argv.includes("--check");

const table = await opTable(root);
const pages = { "ops.md": opsPage(table), ...apiPages(root, table) };

let stale = 0;
function differs(name, what) {
  console.log(`${check ? "differs" : "written"}  docs/${name}${what}`);
  stale++;
}

mkdirSync(`${root}docs/api`, { recursive: true });
for (const [name, text] of Object.entries(pages)) {
  let old = null;
  try {
    old = readFileSync(`${root}docs/${name}`, "utf8");
  } catch {} // not written yet
  if (old === text) continue;
  differs(name, "");
  if (!check) writeFileSync(`${root}docs/${name}`, text);
}
for (const file of readdirSync(`${root}docs/api`)) {
  if (`api/${file}` in pages) continue;
  differs(`api/${file}`, ": no such door any more");
  if (!check) rmSync(`${root}docs/api/${file}`);
}
if (check && stale > 0) {
  console.error(`${stale} reference page(s) differ from the code: run "npm run docs" and commit the result`);
  process.exitCode = 1;
}
