/**
 * @file src → dist: embeds the committed wasm, compiles the TypeScript, makes the command line executable. A failed build leaves the old dist as
 * it was. The native addon is brought up to date where there is a compiler.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import "./embed.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const fresh = join(root, `dist.${process.pid}.tmp`);
const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");

const native = spawnSync(process.execPath, [join(root, "scripts/native.mjs"), "--optional"], { encoding: "utf8" });
if (!native.stdout.includes("up to date")) process.stdout.write(native.stdout);

const { status, error } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", fresh], {
  cwd: root,
  stdio: "inherit",
});
if (status === 0) {
  chmodSync(join(fresh, "cli", "main.js"), 0o755);
  rmSync(join(root, "dist"), { recursive: true, force: true });
  renameSync(fresh, join(root, "dist"));
} else {
  rmSync(fresh, { recursive: true, force: true });
  console.error(`build: TypeScript did not compile${error ? ` (${error.message})` : ""}; dist is as it was`);
  process.exitCode = 1;
}
