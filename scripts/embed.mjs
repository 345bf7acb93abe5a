/** @file Turns the committed .wasm files into modules, so that the same package works bundled, unbundled, in Node and in a page. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import zopfli from "@gfx/zopfli";

const root = new URL("../", import.meta.url);
mkdirSync(new URL("src/engine/wasm/", root), { recursive: true });
for (const name of ["plain", "relaxed", "plain-threads", "relaxed-threads", "plain-infer", "plain-f64"]) {
  const wasm = readFileSync(new URL(`kernels/bin/${name}.wasm`, root));
  const packed = name.endsWith("-infer"); // counts every byte, and may wait for its kernels
  const code = Buffer.from(packed ? await zopfli.gzipAsync(wasm, { numiterations: 60 }) : wasm).toString("base64"); // 5% below zlib's best
  const text = `/** @file Base64 of ${packed ? "gzip of " : ""}kernels/bin/${name}.wasm, made by scripts/embed.mjs. */\nexport const code: string =\n  "${code}";\n`;
  const target = new URL(`src/engine/wasm/${name}.embed.ts`, root);
  let old = "";
  try {
    old = readFileSync(target, "utf8");
  } catch {} // not made yet
  if (old !== text) writeFileSync(target, text);
}
