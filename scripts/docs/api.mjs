/** @file The reference of every door, from the declarations that the compiler emits: each public name with its words and its type. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Declarations } from "./declarations.mjs";
import { signature } from "./ops.mjs";

/** Later doors point to what earlier ones describe. */
const order = ["ops", "nn", "train", "data", "formats", "plot", "text", "tasks", ".", "infer"];
const pageOf = (door) => (door === "." ? "index.md" : `${door}.md`);
const anchor = (heading) => heading.toLowerCase().replaceAll(".", "");
const titleOf = (door) => (door === "." ? "sluice" : `sluice/${door}`);

/** Doors of package.json with the module behind the types of each, which is the fullest where there are several: `nn` → `nn/index`. */
function doorsOf(root) {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const found = Object.entries(exports).flatMap(([name, target]) => {
    const { types } = target;
    return types ? [[name === "." ? name : name.slice(2), types.replace(/^\.\/dist\/|\.d\.ts$/g, "")]] : [];
  });
  const unknown = found.filter(([door]) => !order.includes(door));
  if (unknown.length > 0) throw new Error(`docs: scripts/docs/api.mjs has no place for the door ${unknown[0][0]}`);
  return found.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
}

/** Compiles declarations into a folder of their own, so that what lies in dist does not matter. */
function emit(root) {
  const folder = mkdtempSync(join(tmpdir(), "sluice-docs-"));
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--emitDeclarationOnly", "--outDir", folder], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`docs: TypeScript did not compile\n${stdout}`);
  return folder;
}

/** Markdown of a comment: what it says, then what goes in, what may be thrown, where it comes from. */
function words(doc) {
  const [text, ...tags] = doc.split(/^@(?=\w)|(?<=\. )@(?=throws)/m);
  const blocks = text.trim() ? [text.trim()] : [];
  const items = tags.map((tag) => {
    const [, kind, rest] = /^(\w+)\s*([\s\S]*)$/.exec(tag.trim());
    const body = rest.trim().replace(/\s*\n\s*/g, " ");
    if (kind === "param") return body.replace(/^([\w.]+)\s*(.*)$/, (_, name, what) => `- \`${name}\`${what ? `: ${what}` : ""}`);
    return `- ${kind}: ${kind === "throws" ? body.replace(/^[a-z]+(?:, [a-z]+)*(?=:)/, "`$&`") : body}`;
  });
  if (items.length > 0) blocks.push(items.join("\n"));
  return blocks.join("\n\n");
}

/** The declaration under its public name, as a reader would write it. */
function codeOf({ code, name, kind }, shown) {
  return code
    .replace(new RegExp(`^(export (?:declare )?(?:abstract )?${kind} )${name}\\b`, "gm"), `$1${shown}`)
    .replace(/^export (?:declare )?/gm, "")
    .replace(/^ {4}(?:#private|private [^;]*);\n/gm, "")
    .replace(/import\("[^"]+"\)\.(?=\w)/g, "")
    .replace(/^(?: {4})+/gm, (spaces) => spaces.slice(spaces.length / 2))
    .replace(/[ \t]+$/gm, "");
}

/**
 * @param families what `opTable` found
 * @returns {Record<string, string>} pages by their path below docs/
 */
export function apiPages(root, families) {
  const ops = new Map(families.flatMap(({ ops }) => ops.map((spec) => [spec.name, spec])));
  const folder = emit(root);
  try {
    const all = new Declarations(folder);
    const doors = doorsOf(root);
    /** Where a declaration is described: page and heading. */
    const places = new Map();
    const pages = {};
    for (const [door, file] of doors) {
      if (door !== ".") places.set(file, pageOf(door)); // `export * as ops` is a door of its own
    }
    const about = (file) => aboutOf(root, file);
    for (const [door, file] of doors) pages[`api/${pageOf(door)}`] = page(door, file, all, places, ops, about);
    pages["api/README.md"] = contents(doors, all, about);
    return pages;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the file says it is for. (The compiler drops this comment from some declarations, so the source is asked.) */
function aboutOf(root, file) {
  const comment = /\/\*\*[\s\S]*?@file\s+([\s\S]*?)\*\//.exec(readFileSync(join(root, "src", `${file}.ts`), "utf8"));
  return comment[1].replace(/\s*\n\s*\* ?/g, " ").trim();
}

function page(door, file, all, places, ops, about) {
  const sections = [];
  const elsewhere = new Map();
  const visit = (module, prefix) => {
    for (const { name, declaration, namespace } of all.exportsOf(module)) {
      const heading = prefix + name;
      if (namespace) {
        const known = places.get(namespace);
        if (known) elsewhere.set(heading, known);
        else {
          places.set(namespace, `${pageOf(door)}#${anchor(heading)}`);
          sections.push(`## ${heading}\n\n${about(namespace)} Everything below is called \`${heading}.…\`.`);
          visit(namespace, `${heading}.`);
        }
        continue;
      }
      const key = `${declaration.file}:${declaration.name}`;
      const known = places.get(key);
      if (known) {
        elsewhere.set(heading, known);
        continue;
      }
      places.set(key, `${pageOf(door)}#${anchor(heading)}`);
      sections.push(section(heading, name, declaration, ops));
    }
  };
  visit(file, "");
  const links = [...elsewhere].map(([name, place]) => `[${name}](${place})`);
  return [
    `<!-- Generated from the declarations by \`npm run docs\`. Do not edit. -->`,
    `# ${titleOf(door)}`,
    about(file),
    ...(links.length > 0 ? [`Described on other pages: ${links.join(", ")}.`] : []),
    ...sections,
    "",
  ].join("\n\n").replace(/\n+$/, "\n");
}

function section(heading, name, declaration, ops) {
  const spec = declaration.file.startsWith("ops/") ? ops.get(name) : undefined;
  if (spec) return `### ${heading}\n\nAn op: \`${signature(spec)}\`; see [its entry](../ops.md#${name.toLowerCase()}).`;
  const text = words(declaration.doc);
  return `### ${heading}\n\n${text ? `${text}\n\n` : ""}\`\`\`ts\n${codeOf(declaration, name)}\n\`\`\``;
}

function contents(doors, all, about) {
  const rows = [...doors].sort(([a], [b]) => Number(b === ".") - Number(a === ".")).map(([door, file]) => {
    const names = all.exportsOf(file).map(({ name }) => name);
    return `| [\`${titleOf(door)}\`](${pageOf(door)}) | ${about(file).replace(/^(The door )?`[^`]+`[:.]? /, "").replaceAll("|", "\\|")} | ${names.length} |`;
  });
  return `<!-- Generated from the declarations by \`npm run docs\`. Do not edit. -->\n\n# API reference\n\nOne page for each door of the package. A name that several doors open is described once, where it is at home.\n\n| door | | names |\n|---|---|---|\n${rows.join("\n")}\n`;
}

