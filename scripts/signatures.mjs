/** @file Reads the KERNEL lines of kernels/: what TypeScript and the native addon are told about the kernels comes from here. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("../kernels/", import.meta.url);

/** The sources by file name. */
export const sources = Object.fromEntries(
  readdirSync(folder)
    .filter((f) => /\.(h|cpp)$/.test(f))
    .sort()
    .map((f) => [f, readFileSync(new URL(f, folder), "utf8")]),
);

/**
 * Every exported kernel, sorted by name. `team`: its last argument, not listed, is the threads that may share it (kernels/team.h).
 * @returns {{ name: string, returns: string, team: boolean, args: { name: string, type: string, pointer: boolean, shape: string }[] }[]}
 */
export function readSignatures() {
  const found = new Map();
  for (const [file, text] of Object.entries(sources)) {
    if (file === "reference.cpp" || file === "probe.cpp") continue; // the same names done plainly; tests and benchmarks only
    for (const [, returns, name, list] of text.matchAll(/^KERNEL (void|int|T|double) (\w+)\(([^{]*?)\)\s*\{/gms)) {
      const team = /,\s*Team\* team\s*$/.test(list);
      const args = list
        .replace(/,\s*Team\* team\s*$/, "")
        .split(/,(?![^[]*\])/)
        .map((a) => a.replace(/\s+/g, " ").trim())
        .filter(Boolean)
        .map((a) => {
          const p = /^(?:const )?(T|int|u8|u32|double)(\s*\*)? (\w+)\s*(?:\/\*(.*?)\*\/)?$/.exec(a);
          if (!p) throw new Error(`${file}: ${name}: cannot read the argument "${a}"`);
          return { name: p[3], type: p[1], pointer: p[2] !== undefined, shape: p[4]?.trim() ?? "" };
        });
      if (found.has(name)) throw new Error(`${file}: ${name} is exported twice`);
      found.set(name, { name, returns, team, args });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Sixteen digits that change with any signature: what an addon and the TypeScript around it must agree on. */
export function abiOf(signatures) {
  const text = signatures.map((s) => `${s.returns} ${s.name}(${s.args.map((a) => `${a.type}${a.pointer ? "*" : ""} ${a.name}`).join(", ")}${s.team ? ", team" : ""})`).join("\n");
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
