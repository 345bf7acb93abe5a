/** @file Truth: the operating system itself: a real file size limit, a real full device, a real kill -9, real permissions. */

import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { afterAll, expect, test } from "vitest";
import { failure } from "../../test/failure.ts";
import { readBytes, writeAtomic } from "./files.ts";

const root = fs.mkdtempSync(join(tmpdir(), "sluice-files-"));
afterAll(() => fs.rmSync(root, { recursive: true }));
fs.chmodSync(root, 0o755);
let folders = 0;
const folder = (): string => {
  const path = join(root, String(folders++));
  fs.mkdirSync(path);
  return path;
};
const text = (path: string): string => new TextDecoder().decode(readBytes(path));

/** files.ts as a plain module, so that children with limits of their own can run it. */
const module = join(root, "files.mjs");
buildSync({
  entryPoints: [join(import.meta.dirname, "files.ts")],
  bundle: true,
  platform: "node",
  format: "esm",
  outfile: module,
  logLevel: "error",
});
const child = (code: string): string[] => [
  "--input-type=module",
  "-e",
  `import { writeAtomic } from ${JSON.stringify(module)}; try { ${code}; console.log("done") } catch (e) { console.log(e.name, e.code, e.message) }`,
];
const posix = process.platform !== "win32";

test("text, bytes and pieces arrive as they are, and replace what was there", () => {
  const path = join(folder(), "a.bin");
  writeAtomic(path, "long old text");
  writeAtomic(path, "é");
  expect([...readBytes(path)]).toEqual([0xc3, 0xa9]);
  writeAtomic(path, [new Uint8Array([1, 2]), new Uint8Array(0), new Uint8Array([3])]);
  expect([...readBytes(path)]).toEqual([1, 2, 3]);
  writeAtomic(path, new Uint8Array(0));
  expect(readBytes(path).length).toBe(0);
  expect(fs.readdirSync(join(path, ".."))).toEqual(["a.bin"]);
});

test("what is read owns its memory, aligned for any tensor", () => {
  const path = join(folder(), "a");
  writeAtomic(path, "small");
  const bytes = readBytes(path);
  expect([bytes.byteOffset, bytes.buffer.byteLength]).toEqual([0, 5]);
});

test("a chunk that fails half way leaves the old file, and no other", () => {
  const path = join(folder(), "model");
  writeAtomic(path, "old");
  function* chunks(): Generator<Uint8Array> {
    yield new Uint8Array(1000);
    throw new Error("out of tensors");
  }
  expect(() => writeAtomic(path, chunks())).toThrow("out of tensors");
  expect([text(path), fs.readdirSync(join(path, ".."))]).toEqual(["old", ["model"]]);
});

test.skipIf(!posix)("permissions of the old file stay, and a link keeps pointing to the file that is replaced", () => {
  const dir = folder();
  writeAtomic(join(dir, "real"), "old");
  fs.chmodSync(join(dir, "real"), 0o662);
  fs.symlinkSync("real", join(dir, "link"));
  writeAtomic(join(dir, "link"), "new");
  expect(fs.lstatSync(join(dir, "link")).isSymbolicLink()).toBe(true);
  expect(text(join(dir, "real"))).toBe("new");
  expect(fs.statSync(join(dir, "real")).mode & 0o777).toBe(0o662);
});

test("a missing folder, a folder as file, a file as folder", () => {
  const dir = folder();
  expect(failure(() => writeAtomic(join(dir, "no", "a"), "x")).message).toMatch(/the folder .*no does not exist; create it/);
  expect(failure(() => writeAtomic(dir, "x")).message).toMatch(/it is a folder, expected a file/);
  writeAtomic(join(dir, "f"), "x");
  expect(failure(() => writeAtomic(join(dir, "f", "a"), "x")).message).toMatch(/f is no folder/);
  expect(fs.readdirSync(dir)).toEqual(["f"]);
});

test.skipIf(!posix)("a file that outgrows the limit set by the shell: old file kept, temporary gone", () => {
  const path = join(folder(), "model");
  writeAtomic(path, "old");
  const args = child(`writeAtomic(${JSON.stringify(path)}, [new Uint8Array(4096), new Uint8Array(1e6)])`);
  const { stdout, stderr } = spawnSync("sh", ["-c", 'ulimit -f 64; exec "$0" "$@"', process.execPath, ...args], {
    encoding: "utf8",
  });
  expect(stdout + stderr).toMatch(/^SluiceError io .*model: the limit of a file's size is reached while writing .*\(EFBIG\)/);
  expect([text(path), fs.readdirSync(join(path, ".."))]).toEqual(["old", ["model"]]);
});

test.skipIf(!fs.existsSync("/dev/full"))("a full device says so, with the way out; devices stay devices", () => {
  const error = failure(() => writeAtomic("/dev/full", new Uint8Array(1000)));
  expect([error.code, error.details.code]).toEqual(["io", "ENOSPC"]);
  expect(error.message).toMatch(/the disk is full while writing 1000 B \(.* free\); free some space or write elsewhere/);
  writeAtomic("/dev/null", "x");
  expect(fs.statSync("/dev/null").isCharacterDevice()).toBe(true);
});

test.skipIf(!posix)("no permission", () => {
  const dir = folder();
  const path = join(dir, "model");
  writeAtomic(path, "old");
  fs.chmodSync(dir, 0o555);
  const uid = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}; // root may write anywhere
  const { stdout, stderr } = spawnSync(process.execPath, child(`writeAtomic(${JSON.stringify(path)}, "new")`), {
    encoding: "utf8",
    ...uid,
  });
  fs.chmodSync(dir, 0o755);
  expect(stdout + stderr).toMatch(/^SluiceError io .*no permission .*\(EACCES\)/);
  expect(text(path)).toBe("old");
});

test.skipIf(!posix)("kill -9 in the middle of a save leaves the old file, and the next save works", async () => {
  const path = join(folder(), "model");
  writeAtomic(path, "old");
  const code = `writeAtomic(${JSON.stringify(path)}, (function* () {
    yield new Uint8Array(1e6); process.stdout.write("half\\n"); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30000); yield new Uint8Array(1e6); })())`;
  const run = spawn(process.execPath, child(code), { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => run.stdout.once("data", resolve));
  const ended = new Promise((resolve) => run.once("exit", (_, signal) => resolve(signal)));
  run.kill("SIGKILL");
  expect(await ended).toBe("SIGKILL");
  expect(text(path)).toBe("old");
  writeAtomic(path, "new");
  expect(text(path)).toBe("new");
  // What it left may belong to a save under way, until it has not been written to for long.
  const left = fs.readdirSync(join(path, "..")).find((name) => name.endsWith(".tmp"))!;
  expect(left).toMatch(/^\.model\.[0-9a-f]{12}\.tmp$/);
  const old = new Date(Date.now() - 3_600_000);
  const others = [".model.tmp", ".model.x.0123456789ab.tmp", ".other.0123456789ab.tmp"];
  for (const name of [left, ...others]) {
    fs.writeFileSync(join(path, "..", name), "");
    fs.utimesSync(join(path, "..", name), old, old);
  }
  writeAtomic(path, "newer");
  expect(fs.readdirSync(join(path, "..")).sort()).toEqual([...others, "model"].sort());
});

test("reading: near names for a missing file; folders and giants refused", () => {
  const dir = folder();
  writeAtomic(join(dir, "model.safetensors"), "12345");
  const error = failure(() => readBytes(join(dir, "modle.safetensors")));
  expect(error.code).toBe("missing");
  expect(error.message).toMatch(/no such file; did you mean "model\.safetensors"\?/);
  expect(failure(() => readBytes(join(dir, "zzz"))).message).toMatch(/nothing in .* is called like it/);
  expect(failure(() => readBytes(join(dir, "no", "zzz"))).message).toMatch(/its folder .* does not exist either/);
  expect(failure(() => readBytes(join(dir, "model.safetensors", "x"))).code).toBe("missing");
  expect(failure(() => readBytes(dir)).message).toMatch(/it is a folder/);
  expect(failure(() => readBytes(join(dir, "model.safetensors"), 4)).message).toMatch(
    /the file is 5 B or more, expected at most 4 B/,
  );
});

test.skipIf(!fs.existsSync("/dev/zero"))("a stream without end is read up to the limit, then refused", () => {
  const error = failure(() => readBytes("/dev/zero", 1e6));
  expect(error.code).toBe("memory");
  expect(error.details.bytes).toBeLessThan(1.1e6);
  expect(readBytes("/dev/null").length).toBe(0);
});
