/** @file The op table as a page: what each op computes, what it takes and gives, by family. */
import { build } from "esbuild";
import { readdirSync, readFileSync } from "node:fs";

/**
 * Every op with its family (the file that declares it).
 * @returns {Promise<{ family: string, about: string, ops: object[] }[]>} families in the order of `src/ops/index.ts`
 */
export async function opTable(root) {
  const { outputFiles } = await build({
    ...{ entryPoints: [`${root}src/ops/table.ts`], bundle: true, format: "esm", platform: "node", target: "node20", write: false },
  });
  const { table } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
  const order = [...readFileSync(`${root}src/ops/index.ts`, "utf8").matchAll(/from "\.\/([\w-]+)\.ts"/g)].map((m) => m[1]);
  const families = order.map((family) => {
    const text = readFileSync(`${root}src/ops/${family}.ts`, "utf8");
    const places = new Map([...text.matchAll(/^export const (\w+) = \/\* @__PURE__ \*\/ (?:defineOp|\w+)\(/gm)].map((m) => [m[1], m.index]));
    const ops = table.map((op) => op.spec).filter((spec) => places.has(spec.name));
    ops.sort((a, b) => places.get(a.name) - places.get(b.name));
    return { family, about: fileComment(text), ops };
  });
  const lost = table.filter((op) => !families.some(({ ops }) => ops.includes(op.spec)));
  if (lost.length > 0) throw new Error(`docs: ${lost.map((op) => op.spec.name).join(", ")}: declared in no file of src/ops that index.ts exports`);
  const unread = readdirSync(`${root}src/ops`).filter((f) => f.endsWith(".ts") && !/^(index|table)\.ts$/.test(f) && !order.includes(f.slice(0, -3)));
  if (unread.length > 0) throw new Error(`docs: src/ops/${unread.join(", ")}: not exported by index.ts`);
  return families.filter(({ ops }) => ops.length > 0);
}

/** Text of the `@file` comment, one paragraph a paragraph. */
function fileComment(text) {
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? "";
  const lines = comment.split("\n").map((line) => line.replace(/^\s*\* ?/, "").trim());
  return lines.join("\n").replace("@file", "").trim().split(/\n\n+/).map((p) => p.replaceAll("\n", " ")).join("\n\n");
}

/** `x` or `h0?`: a name as a signature shows it. */
const shown = (name, words) => name + (words.endsWith("?") ? "?" : "");

/** How an op is called, in one line. */
export function signature({ name, inputs, outputs, options = {} }) {
  const list = (words) => Object.entries(words).map(([key, value]) => shown(key, value)).join(", ");
  const after = Object.keys(options).length > 0 ? `, { ${Object.keys(options).map((key) => `${key}?`).join(", ")} }` : "";
  return `${name}({ ${list(inputs)} }${after}) → { ${list(outputs)} }`;
}

/** `"const 3 L B H ?"` as `[3, L, B, H]`. */
const shape = (words) => `[${words.replace(/\?$/, "").replace(/^(int|const) /, "").trim().split(/\s+/).join(", ")}]`.replace("...", "…");
function kindOf(words) {
  const kind = words.startsWith("int ") ? "int32" : words.startsWith("const ") ? "real, no gradient" : "real";
  return words.endsWith("?") ? `${kind}; optional` : kind;
}

/** One letter, perhaps with a dash or places behind it: `y`, `h'`, `y[b, k]`; a line that says what it equals is a formula. */
const left = String.raw`\p{L}['′]?(?:\[[^\]]*\])? = `;

/** The sentences, then the lines with formulas as they were written. */
function docOf(doc) {
  const text = [];
  const formulas = [];
  for (const line of doc.split("\n").map((one) => one.trim())) {
    const behind = new RegExp(`^(.*?[.;]) (${left}.*)$`, "u").exec(line); // a doc of one line has its formula behind the last full stop
    if (formulas.length > 0 || new RegExp(`^${left}`, "u").test(line)) formulas.push(line);
    else if (behind) {
      text.push(behind[1]);
      formulas.push(behind[2]);
    } else text.push(line);
  }
  return `${text.join(" ")}${formulas.length > 0 ? `\n\n${formulas.map((line) => `    ${line}`).join("\n")}` : ""}`;
}

function opSection(spec) {
  const { name, doc, source, inputs, outputs, options = {}, backward } = spec;
  const row = (key, words, role) => `| \`${key}\` | ${role} | \`${shape(words)}\` | ${kindOf(words)} |`;
  const rows = [
    ...Object.entries(inputs).map(([key, words]) => row(key, words, "in")),
    ...Object.entries(outputs).map(([key, words]) => row(key, words, "out")),
  ];
  const settings = Object.entries(options).map(([key, value]) => `\`${key}: ${JSON.stringify(value)}\``);
  return [
    `### ${name}`,
    `\`${signature(spec)}\``,
    docOf(doc),
    ["| | | shape | |", "|---|---|---|---|", ...rows].join("\n"),
    [
      ...(settings.length > 0 ? [`Options and their defaults: ${settings.join(", ")}.`] : []),
      backward ? "Has a gradient." : "No gradient.",
      ...(source ? [`Source: ${source}.`] : []),
    ].join(" "),
  ].join("\n\n");
}

export function opsPage(families) {
  const count = families.reduce((n, { ops }) => n + ops.length, 0);
  return `<!-- Generated from the op table by \`npm run docs\`. Do not edit. -->
# Ops

All ${count} ops of \`sluice/ops\` (\`import { ops } from "sluice"\`), by the file of \`src/ops\` that declares them. Every one is tested against central
differences in float64 (where it has a gradient), in float32 against float64, and with each optional input left out (\`test/ops/table.test.ts\`).

How to read a shape: a capital is a size, the same wherever it stands in one op (L steps, B batch, I in, H hidden, V vocabulary, …); \`3H\` is three
times it; \`…\` stands for any leading axes, whose product is N. An optional output is made when asked for: \`gru({ x, wx, wh }, { want: ["gates"] })\`.
Constants and integers never get a gradient.

${families.map(({ family, ops }) => `- **${family}**: ${ops.map((op) => `[${op.name}](#${op.name.toLowerCase()})`).join(", ")}`).join("\n")}

${families.map(({ family, about, ops }) => `## src/ops/${family}.ts\n\n${about}\n\n${ops.map(opSection).join("\n\n")}`).join("\n\n")}
`;
}
