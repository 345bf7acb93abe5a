/** @file Reads the compiler's own declaration files: which names a module exports, and the text and comment of each. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * @typedef {{ name: string, kind: "class" | "interface" | "type" | "function" | "const", doc: string, code: string, file: string }} Declaration
 * @typedef {{ declarations: Map<string, Declaration>, exports: { from: string | null, names: [string, string][] | "*" | string }[] }} Module
 */

/** Where the string or comment that begins at `i` ends. */
function skip(text, i) {
  if (text.startsWith("/*", i)) return text.indexOf("*/", i) + 2;
  if (text.startsWith("//", i)) return text.indexOf("\n", i);
  const quote = text[i];
  let at = i + 1;
  while (text[at] !== quote) at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** Cuts a declaration file into its statements, each with the comment before it. */
function* statements(text) {
  let doc = "";
  for (let i = 0; i < text.length; ) {
    if (/\s/.test(text[i])) {
      i++;
      continue;
    }
    if (text.startsWith("/*", i) || text.startsWith("//", i)) {
      const end = skip(text, i);
      doc = text.slice(i, end);
      i = end;
      continue;
    }
    const begin = i;
    const endsWithBrace = /^(export )?(declare )?(default )?(abstract )?(class|interface|enum|namespace) /.test(text.slice(i, i + 60));
    for (let depth = 0; ; ) {
      const c = text[i];
      if (c === undefined) throw new Error(`docs: a statement does not end: ${text.slice(begin, begin + 80)}`);
      if (c === '"' || c === "'" || c === "`" || text.startsWith("/*", i) || text.startsWith("//", i)) {
        i = skip(text, i);
        continue;
      }
      i++;
      if ("({[".includes(c)) depth++;
      if (")}]".includes(c)) depth--;
      if (depth === 0 && (c === ";" || (c === "}" && endsWithBrace))) break;
    }
    yield { doc, code: text.slice(begin, i) };
    doc = "";
  }
}

/** The words of a comment, without its stars. */
const plainDoc = (comment) =>
  comment
    .replace(/^\/\*\*?|\*\/$/g, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd())
    .join("\n")
    .trim();

/** Reads modules of one folder of declarations, each once. */
export class Declarations {
  /** @type {Map<string, Module>} */
  #modules = new Map();

  constructor(folder) {
    this.folder = folder;
  }

  /** @param {string} file relative to the folder, without its ending: `nn/index` */
  module(file) {
    let found = this.#modules.get(file);
    if (found) return found;
    const text = readFileSync(join(this.folder, `${file}.d.ts`), "utf8");
    found = { declarations: new Map(), exports: [] };
    this.#modules.set(file, found);
    for (const { doc, code } of statements(text.replace(/^\/\*\* @file [\s\S]*?\*\//, ""))) this.#take(found, file, doc, code);
    return found;
  }

  #take(module, file, doc, code) {
    const declared = /^export (?:declare )?(?:abstract )?(class|interface|type|function|const) (\w+)/.exec(code);
    if (declared) {
      const [, kind, name] = declared;
      const before = module.declarations.get(name); // overloads stand one after the other
      module.declarations.set(name, before ? { ...before, code: `${before.code}\n${code}` } : { name, kind, doc: plainDoc(doc), code, file });
      return;
    }
    const all = /^export \* (?:as (\w+) )?from "([^"]+)"/.exec(code);
    const some = /^export (?:type )?\{([^}]*)\}(?: from "([^"]+)")?/.exec(code);
    const path = (from) => (from === undefined ? null : join(dirname(file), from.replace(/\.(ts|js)$/, "")));
    if (all) module.exports.push({ from: path(all[2]), names: all[1] ?? "*" });
    else if (some) {
      const names = some[1].split(",").map((cell) => cell.trim().replace(/^type /, "")).filter(Boolean).map((cell) => {
        const [inner, outer = inner] = cell.split(" as ");
        return [inner, outer];
      });
      module.exports.push({ from: path(some[2]), names });
    }
  }

  /**
   * Everything that a module exports, in the order in which it says so.
   * @returns {{ name: string, declaration?: Declaration, namespace?: string }[]} a namespace is the module that it stands for
   */
  exportsOf(file) {
    const module = this.module(file);
    const own = [...module.declarations.values()].map((declaration) => ({ name: declaration.name, declaration }));
    const passed = module.exports.flatMap(({ from, names }) => {
      if (names === "*") return this.exportsOf(from);
      if (typeof names === "string") return [{ name: names, namespace: from }];
      return names.map(([inner, outer]) => {
        const found = this.exportsOf(from ?? file).find((one) => one.name === inner);
        if (!found) throw new Error(`docs: ${file} exports ${inner}, which ${from} does not have`);
        return { ...found, name: outer };
      });
    });
    return [...passed, ...own];
  }
}
