/** @file M: what a library takes beside time: memory of a training step, time until the first result, bytes to download and to install. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { type Case, workloads } from "./cases.ts";
import { type Prepared, prepareCase, reasonOf, start } from "./measure.ts";
import { CannotDo, type Contestant } from "./runner.ts";

export interface Footprint {
  readonly key: string;
  readonly name: string;
  readonly ours: boolean;
  /** What it did: a training step, or, where it cannot train, the same forward. */
  readonly kind: Case["kind"];
  /** ms from starting the process to the first checked result. */
  readonly start: number;
  /** The most memory that the process has had, after four runs, MB. */
  readonly megabytes: number;
}

const sizes = (workload: string) => workloads[workload]!.cases.find((c) => c.quick && c.B > 1)!;

/** @param everybody on one thread; those who are absent or fail are left out */
export async function footprintsOf(everybody: readonly Contestant[], scratch: string): Promise<Footprint[]> {
  const found: Footprint[] = [];
  let left = everybody.filter(({ absent, workloads }) => absent === undefined && workloads === undefined);
  for (const workload of ["TR", "F"]) {
    const prepared = await prepareCase(sizes(workload), scratch);
    const cannot: Contestant[] = [];
    for (const who of left) {
      try {
        found.push(await footprintOf(who, prepared));
      } catch (error) {
        if (error instanceof CannotDo) cannot.push(who);
        else reasonOf(error);
      }
    }
    left = cannot;
  }
  return found;
}

async function footprintOf(who: Contestant, prepared: Prepared): Promise<Footprint> {
  const { runner, about } = await start(who, prepared);
  const startTime = runner.age;
  try {
    await runner.run(3);
    return { key: who.key, name: about.name, ours: who.ours, kind: prepared.case.kind, start: startTime, ...(await runner.usage()) };
  } finally {
    runner.end();
  }
}

export interface Shipped {
  readonly name: string;
  readonly ours: boolean;
  /** Bytes that a page downloads, gzipped: script and WebAssembly. Absent where no page can. */
  readonly page?: number;
  /** Bytes on disk after its installation, with what it depends on. */
  readonly disk?: number;
}

const gzipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;
const peers = "bench/peers/node_modules";

/** Bytes of all files of a folder. */
function bytesOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    return sum + (entry.isDirectory() ? bytesOf(path) : entry.isFile() ? statSync(path).size : 0);
  }, 0);
}

/** Bytes of packages and of everything they depend on, where all are installed side by side. */
function installed(root: string, names: readonly string[]): number | undefined {
  if (!names.every((name) => existsSync(join(root, name)))) return undefined;
  const seen = new Set<string>();
  const visit = (name: string): number => {
    const folder = join(root, name);
    if (seen.has(name) || !existsSync(folder)) return 0;
    seen.add(name);
    const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { dependencies?: Record<string, string> };
    return bytesOf(folder) + Object.keys(dependencies).reduce((sum, each) => sum + visit(each), 0);
  };
  return names.reduce((sum, name) => sum + visit(name), 0);
}

/** Bytes of a page's script, minified and gzipped, from these imports; undefined where that cannot be bundled. */
async function page(imports: string, folder: string, files: readonly string[] = []): Promise<number | undefined> {
  try {
    const { outputFiles } = await build({
      ...{ stdin: { contents: imports, resolveDir: folder, loader: "ts" }, bundle: true, minify: true, format: "esm", platform: "browser", write: false },
      ...{ logLevel: "silent", external: ["node:*"] },
    });
    return files.reduce((sum, file) => sum + gzipped(readFileSync(file)), gzipped(outputFiles![0]!.contents));
  } catch {
    return undefined;
  }
}

/** Kilobytes that a Debian package says it takes, as bytes. */
function debian(names: readonly string[]): number | undefined {
  const format = `\${Installed-Size}\n`;
  const { status, stdout } = spawnSync("dpkg-query", ["-W", "-f", format, ...names], { encoding: "utf8" });
  return status === 0 ? stdout.trim().split("\n").reduce((sum, size) => sum + 1024 * Number(size), 0) : undefined;
}

/** What comes to a user's disk as `npm install sluice`: the packed files and what they depend on. */
function ownDisk(): number | undefined {
  const { status, stdout } = spawnSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0 || !existsSync("dist")) return undefined;
  const [{ unpackedSize }] = JSON.parse(stdout) as [{ unpackedSize: number }];
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> };
  const others = installed("node_modules", Object.keys(dependencies));
  return others === undefined ? undefined : unpackedSize + others;
}

export async function shippedBytes(): Promise<Shipped[]> {
  const addon = `native/out/${process.platform}-${process.arch}/sluice.node`;
  const at = (name: string) => join(peers, name);
  const peer = async (name: string, packages: readonly string[], imports: string | null, files: readonly string[] = []): Promise<Shipped> => ({
    ...{ name, ours: false, disk: installed(peers, packages) },
    page: imports === null || !packages.every((each) => existsSync(at(each))) ? undefined : await page(imports, "bench/peers", files.map(at)),
  });
  const all: Shipped[] = [
    { name: "sluice/infer: run and stream", ours: true, page: await page(`export * from "./src/infer/index.ts";`, ".") },
    { name: "sluice: train too", ours: true, page: await page(`export * from "./src/index.ts";`, "."), disk: ownDisk() },
    { name: "sluice's addon", ours: true, disk: existsSync(addon) ? statSync(addon).size : undefined },
    await peer("onnxruntime-web", ["onnxruntime-web"], `export * from "onnxruntime-web/wasm";`, ["onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"]),
    await peer("tfjs wasm", ["@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm"], `export * from "@tensorflow/tfjs"; import "@tensorflow/tfjs-backend-wasm";`, [
      "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm",
    ]),
    await peer("jax-js", ["@jax-js/jax"], `export * from "@jax-js/jax";`),
    await peer("brain.js", ["brain.js"], `export * from "./node_modules/brain.js/browser.min.js";`),
    await peer("onnxruntime-node", ["onnxruntime-node"], null),
    { name: "PyTorch (Debian)", ours: false, disk: debian(["python3-torch", "libtorch1.13"]) },
    { name: "oneDNN (Debian)", ours: false, disk: debian(["libdnnl2"]) },
  ];
  return all.filter(({ page, disk }) => page !== undefined || disk !== undefined);
}
