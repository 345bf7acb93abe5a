/**
 * The addon in processes of its own: several worker threads at once, a clean end, the tarballs as a user installs them, a damaged file.
 * Truth: exit codes, what is printed, and numbers that agree between the backends.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hasRelaxedSimd, nativeStatus } from "../../src/engine/index.ts";

const root = join(import.meta.dirname, "../..");
const script = (await import(join(root, "scripts/native.mjs"))) as { pack(folder: string): string };
const { addon, why } = nativeStatus();
/** Only what is built in the repository can be packed. */
const built = addon !== null && why.includes(join("native", "out"));
const wasm = hasRelaxedSimd() ? "wasm-relaxed" : "wasm-plain";
const best = `native-${addon?.isas[0]}`;
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a module in a project and returns what it prints. */
function node(project: string, code: string, env: Record<string, string> = {}) {
  writeFileSync(join(project, "main.mjs"), code);
  const clean = Object.fromEntries(Object.entries(process.env).filter(([k]) => !/^(SLUICE_|DEBUG$|NODE_OPTIONS$)/.test(k)));
  const run = spawnSync(process.execPath, ["main.mjs"], { cwd: project, env: { ...clean, ...env }, encoding: "utf8", timeout: 30_000 });
  return { status: run.status, out: run.stdout.trim(), err: run.stderr.trim() };
}

test.skipIf(!built)("several worker threads run it at once, and the process ends by itself", async () => {
  const project = join(folder, "threads");
  mkdirSync(project);
  const entry = `
    import { isMainThread, parentPort, Worker } from "node:worker_threads";
    import { createEngine } from "./src/engine/index.ts";
    import { linear } from "./src/ops/index.ts";
    function work() {
      const sums = [];
      for (let round = 0; round < 20; round++) {
        const e = createEngine({ debug: 0, backend: "native" });
        const numbers = (n) => Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5);
        const x = e.tensor([70, 65], numbers(70 * 65));
        const w = e.tensor([67, 65], numbers(67 * 65));
        let y;
        for (let i = 0; i < 20; i++) y = e.scope(() => [...linear({ x, w }).y.data].reduce((a, b) => a + Math.abs(b), 0));
        sums.push(y);
      }
      return sums;
    }
    if (isMainThread) {
      const workers = Array.from({ length: 4 }, () => new Worker(new URL(import.meta.url)));
      const here = work();
      const there = await Promise.all(workers.map((w) => new Promise((ok, no) => w.on("message", ok).on("error", no))));
      const all = [here, ...there].flat();
      console.log(all.length, all[0] > 1000, all.every((s) => s === all[0]));
      // No process.exit: the process must end without it. One worker is ended from outside, in the middle of its work.
      const cut = new Worker(new URL(import.meta.url), { env: { ...process.env } });
      await new Promise((ok) => cut.on("online", ok));
      await cut.terminate();
      console.log("done");
    } else {
      parentPort.postMessage(work());
    }`;
  await build({
    ...{ stdin: { contents: entry, resolveDir: root, loader: "ts" }, outfile: join(project, "bundle.mjs") },
    ...{ bundle: true, packages: "external", platform: "node", format: "esm", target: "node20", logLevel: "error" },
  });
  link(project, why.replace(/sluice\.node$/, ""));
  const { status, out, err } = node(project, 'await import("./bundle.mjs");');
  expect(err).toBe("");
  expect(out.split("\n")).toEqual(["100 true true", "done"]);
  expect(status).toBe(0);
});

test("workers that are ended while their helpers work leave nothing behind, and the process ends by itself", async () => {
  const project = join(folder, "cut");
  mkdirSync(project);
  const entry = `
    import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
    import { createEngine } from "./src/engine/index.ts";
    import { gru } from "./src/ops/index.ts";
    if (isMainThread) {
      for (const backend of ["auto", "wasm"]) {
        for (let after = 0; after < 12; after++) {
          const worker = new Worker(new URL(import.meta.url), { workerData: backend });
          await new Promise((ok, no) => worker.on("message", (n) => n === after && ok()).on("error", no));
          await worker.terminate();
        }
      }
      console.log("done");
    } else {
      const [L, B, H] = [20, 24, 64];
      const e = createEngine({ debug: 0, backend: workerData, threads: 2 });
      const x = e.tensor([L, B, H]);
      const [wx, wh] = [e.param([3 * H, H]), e.param([3 * H, H])];
      for (let n = 0; ; n++) {
        e.scope(() => gru({ x, wx, wh }));
        parentPort.postMessage(n);
      }
    }`;
  await build({
    ...{ stdin: { contents: entry, resolveDir: root, loader: "ts" }, outfile: join(project, "bundle.mjs") },
    ...{ bundle: true, packages: "external", platform: "node", format: "esm", target: "node20", logLevel: "error" },
  });
  if (built) link(project, why.replace(/sluice\.node$/, ""));
  expect(node(project, 'await import("./bundle.mjs");')).toEqual({ status: 0, out: "done", err: "" });
});

test("one bundled file trains on several threads, in the main thread and in a worker, and the process ends by itself", async () => {
  const project = join(folder, "helpers");
  mkdirSync(project);
  const entry = `
    import { isMainThread, parentPort, Worker } from "node:worker_threads";
    import { createEngine } from "./src/engine/index.ts";
    import { gru } from "./src/ops/index.ts";
    function work() {
      return [1, 2, 3].flatMap((threads) => ["auto", "wasm"].map((backend) => {
        const e = createEngine({ debug: 0, backend, threads });
        const numbers = (n) => Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 1000) / 2000 - 0.25);
        const [L, B, H] = [20, 24, 64];
        const x = e.tensor([L, B, H], numbers(L * B * H));
        const [wx, wh] = [e.param([3 * H, H], numbers(3 * H * H)), e.param([3 * H, H], numbers(3 * H * H))];
        const sums = Array.from({ length: 30 }, () => e.scope(() => gru({ x, wx, wh }).y.toArray().reduce((a, b) => a + Math.abs(b), 0)));
        return [backend, e.threads, new Set(sums).size, sums[0]];
      }));
    }
    if (isMainThread) {
      const here = work();
      const worker = new Worker(new URL(import.meta.url));
      const there = await new Promise((ok, no) => worker.on("message", ok).on("error", no));
      for (const backend of ["auto", "wasm"]) {
        const rows = [...here, ...there].filter((r) => r[0] === backend);
        console.log(rows.map((r) => r[1]).join(), rows.every((r) => r[2] === 1 && r[3] === rows[0][3] && r[3] > 100));
      }
    } else parentPort.postMessage(work());`;
  await build({
    ...{ stdin: { contents: entry, resolveDir: root, loader: "ts" }, outfile: join(project, "bundle.mjs") },
    ...{ bundle: true, packages: "external", platform: "node", format: "esm", target: "node20", logLevel: "error" },
  });
  if (built) link(project, why.replace(/sluice\.node$/, ""));
  const { status, out, err } = node(project, 'await import("./bundle.mjs");');
  expect(err).toBe("");
  expect(out.split("\n")).toEqual(["1,2,3,1,2,3 true", "1,2,3,1,2,3 true"]);
  expect(status).toBe(0);
});

/** Puts a folder with sluice.json and sluice.node where the package would be. */
function link(project: string, from: string): void {
  mkdirSync(join(project, "node_modules/@sluice"), { recursive: true });
  symlinkSync(from, join(project, `node_modules/@sluice/native-${process.platform}-${process.arch}`));
}

test.skipIf(!built)("packed and installed into an empty project: with the addon, without it, with a damaged or an older one", () => {
  const tarballs = join(folder, "tarballs");
  mkdirSync(tarballs);
  const prebuilt = script.pack(tarballs);
  execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", tarballs], { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
  const main = join(tarballs, readdirSync(tarballs).find((f) => /^sluice-\d/.test(f))!);

  const project = join(folder, "project");
  const modules = join(project, "node_modules");
  mkdirSync(modules, { recursive: true });
  const unpack = (tarball: string, to: string) => {
    mkdirSync(to, { recursive: true });
    execFileSync("tar", ["-xzf", tarball, "-C", to, "--strip-components=1"]);
  };
  unpack(main, join(modules, "sluice"));
  expect(readdirSync(join(modules, "sluice"))).not.toContain("native"); // or it would find the repository's way
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { dependencies: Record<string, string> };
  for (const name of Object.keys(dependencies)) {
    mkdirSync(join(modules, name, ".."), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  const program = `
    import { createEngine } from "sluice";
    import { linear } from "sluice/ops";
    for (let i = 0; i < 2; i++) {
      const e = createEngine();
      const y = linear({ x: e.tensor([1, 2], [1, 2]), w: e.tensor([2, 2], [3, 4, 5, 6]) }).y;
      console.log(e.backend, ...y.data);
    }`;
  const twice = (backend: string) => `${backend} 11 17\n${backend} 11 17`;

  expect(node(project, program)).toEqual({ status: 0, out: twice(wasm), err: "" });
  expect(node(project, program, { DEBUG: "1" }).err).toContain(`no addon for ${process.platform}-${process.arch} is installed`);
  const insisting = node(project, program, { SLUICE_BACKEND: "native" });
  expect(insisting.status).toBe(1);
  expect(insisting.err).toContain('backend "native" is not there');

  const home = join(modules, `@sluice/native-${process.platform}-${process.arch}`);
  unpack(prebuilt, home);
  const { name, os, cpu } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { name: string; os: string[]; cpu: string[] };
  expect({ name, os, cpu }).toEqual({ name: `@sluice/native-${process.platform}-${process.arch}`, os: [process.platform], cpu: [process.arch] });
  expect(node(project, program)).toEqual({ status: 0, out: twice(best), err: "" });
  expect(node(project, program, { SLUICE_BACKEND: "wasm" }).out).toBe(twice(wasm));

  const warned = (what: RegExp) => {
    const { status, out, err } = node(project, program);
    expect(out).toBe(twice(wasm));
    expect(err.split("\n")).toHaveLength(1);
    expect(err).toMatch(/^sluice: the native addon is not used, WebAssembly runs instead: /);
    expect(err).toMatch(what);
    expect(status).toBe(0);
  };
  const library = join(home, "sluice.node");
  const about = join(home, "sluice.json");
  const [code, json] = [readFileSync(library), readFileSync(about, "utf8")];
  writeFileSync(library, code.subarray(0, code.length / 2)); // half a download
  warned(/is not the file that was built/);
  rmSync(library);
  warned(/cannot be loaded/);
  writeFileSync(library, code);
  writeFileSync(about, json.replace(/"abi": "\w+"/, '"abi": "0123456789abcdef"'));
  warned(/is of another version \(0123456789abcdef, expected \w+\)/);
  writeFileSync(about, "{");
  warned(/cannot be loaded/);
});
