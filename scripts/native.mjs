/**
 * @file Builds the native addon with whatever C++ compiler is there, from the same kernels as the WebAssembly, once per instruction set.
 * `node scripts/native.mjs` builds native/out/<platform>-<arch>/; `--optional` says one line and goes on where that cannot be done (npm runs
 * it so after `npm ci`). `pack [folder]` makes the tarball of the prebuilt package for this machine. `check` runs the kernels under
 * AddressSanitizer (native/check.cpp), `check thread` under ThreadSanitizer.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { abiOf, readSignatures, sources } from "./signatures.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const native = join(root, "native");
const target = `${process.platform}-${process.arch}`;
const out = join(native, "out", target);

/** Flags of the compilation units by architecture. -ffp-contract=off: a multiply and an add fuse only where the source says so. */
const units = {
  x64: {
    avx512: ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma"],
    avx512bf16: ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma", "-mavx512bf16", "-DBF16=1"],
    avx2: ["-mavx2", "-mfma", "-mf16c"],
    sse2: [],
  },
  arm64: { neon: [] },
}[process.arch];
const flags = "-std=c++20 -O3 -ffp-contract=off -fno-math-errno -fno-exceptions -fno-rtti -fno-threadsafe-statics -fPIC -fvisibility=hidden".split(" ");
// No library: memcpy and the allocator come from the process, so one file serves any libc.
const link = process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared", "-nostdlib", "-Wl,-s", "-Wl,--build-id=none", "-lgcc"];

/** Why nothing can be built here, or null. */
function missing() {
  if (process.platform === "win32") return "there is no build for Windows yet";
  if (!units) return `there are no kernels for ${process.arch}`;
  if (!includes()) return "node_api.h is not beside this Node";
  if (!compiler()) return "no C++ compiler (g++, clang++, c++, or CXX) was found";
  return null;
}

/** The folder of Node's headers: beside the executable, or where node-gyp keeps its download. */
export function includes() {
  const home = process.env.HOME ?? "";
  const cache = process.platform === "darwin" ? join(home, "Library/Caches/node-gyp") : join(process.env.XDG_CACHE_HOME ?? join(home, ".cache"), "node-gyp");
  const places = [join(dirname(process.execPath), "../include/node"), join(cache, process.versions.node, "include/node")];
  return places.find((folder) => existsSync(join(folder, "node_api.h"))) ?? null;
}

/** The C++ compiler: CXX, or the first found of the usual names. */
export function compiler() {
  const names = process.env.CXX ? [process.env.CXX] : ["g++", "clang++", "c++"];
  return names.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0) ?? null;
}

/** Writes the generated headers into `folder`: one caller per kernel that takes its arguments from a block, and the ABI's number. */
export function writeBindings(folder) {
  const signatures = readSignatures();
  const callers = signatures.map(({ name, returns, team, args }) => {
    const list = [...args.map((a, i) => (a.pointer ? `at<${a.type}>(m, d[${i}])` : `Number{d[${i}]}`)), ...(team ? ["team"] : [])].join(", ");
    return `static void call_${name}(char* m, double* d, ${team ? "Team* team" : "Team*"}) { ${returns === "void" ? "" : "d[0] = "}${name}(${list}); }\n`;
  });
  const longest = Math.max(...signatures.map((s) => s.args.length));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "bindings.gen.h"), `${callers.join("")}static const Call calls[] = {${signatures.map((s) => `call_${s.name}`).join(", ")}};\n`);
  writeFileSync(join(folder, "abi.gen.h"), `#define ABI "${abiOf(signatures)}"\n#define KERNEL_NAMES "${signatures.map((s) => s.name).join(" ")}"\nconstexpr int BLOCK_SIZE = ${longest + 1};\n`);
  return signatures;
}

/** Runs a program; rejects with what it said when it fails. */
function run(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
    child.on("error", reject);
    child.on("close", (status) => (status === 0 ? resolve(said) : reject(new Error(`${program} ${args.join(" ")}\n${said}`))));
  });
}

/** Everything that decides what a build gives: when it is the same as last time, there is nothing to do. */
function fingerprint(cxx) {
  const hash = createHash("sha256");
  for (const text of Object.values(sources)) hash.update(text);
  for (const file of [...Object.keys(units).map((u) => `${u}.cpp`), "isa.h", "backend.h", "addon.cpp", "pool.h", "pool.cpp"]) hash.update(readFileSync(join(native, file)));
  hash.update(JSON.stringify([cxx, spawnSync(cxx, ["--version"], { encoding: "utf8" }).stdout, flags, units, link]));
  return hash.digest("hex");
}

/** Builds sluice.node and its manifest in native/out/<platform>-<arch>/, all or nothing. */
async function build() {
  const cxx = compiler();
  const print = fingerprint(cxx);
  const manifest = join(out, "sluice.json");
  if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).fingerprint === print) return console.log(`native: ${target} is up to date`);
  const work = join(native, "out", `work.${process.pid}`);
  try {
    const signatures = writeBindings(work);
    const object = (name) => join(work, `${name}.o`);
    const started = Date.now();
    await Promise.all(
      Object.entries({ ...units, addon: [], pool: [] }).map(([name, more]) =>
        run(cxx, [...flags, ...more, `-I${native}`, `-I${work}`, `-I${includes()}`, "-c", join(native, `${name}.cpp`), "-o", object(name)]),
      ),
    );
    const file = join(work, "sluice.node");
    await run(cxx, ["-o", file, ...[...Object.keys(units), "addon", "pool"].map(object), ...link]);
    const code = readFileSync(file);
    mkdirSync(out, { recursive: true });
    rmSync(manifest, { force: true }); // first the old one goes, last the new one comes: never a manifest beside another file
    renameSync(file, join(out, "sluice.node"));
    const about = { abi: abiOf(signatures), sha256: createHash("sha256").update(code).digest("hex"), fingerprint: print };
    writeFileSync(manifest, `${JSON.stringify(about, null, 2)}\n`);
    console.log(`native: ${target} built in ${((Date.now() - started) / 1000).toFixed(1)} s, ${Math.round(code.length / 1024)} KB (${Object.keys(units).join(", ")})`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Packs the built addon as @sluice/native-<platform>-<arch>, of the version that package.json has, into `folder`.
 * Returns the tarball's path.
 */
export function pack(folder) {
  const { version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const work = mkdtempSync(join(tmpdir(), "sluice-native-"));
  try {
    for (const file of ["sluice.node", "sluice.json"]) copyFileSync(join(out, file), join(work, file));
    const manifest = {
      ...{ name: `@sluice/native-${target}`, version, license },
      ...{ description: `Kernels of sluice compiled for ${target} (${Object.keys(units).join(", ")}). Installed with sluice; not to be used alone.` },
      ...{ main: "sluice.node", files: ["sluice.node", "sluice.json"], os: [process.platform], cpu: [process.arch], engines: { node: ">=20.16" } },
    };
    writeFileSync(join(work, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    mkdirSync(folder, { recursive: true });
    const npm = spawnSync("npm", ["pack", "--json", "--pack-destination", resolve(folder)], { cwd: work, encoding: "utf8" });
    if (npm.status !== 0) throw new Error(`npm pack: ${npm.stderr}`);
    return join(resolve(folder), JSON.parse(npm.stdout)[0].filename.replace("@", "").replace("/", "-"));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Whether programs can be built with AddressSanitizer (or "thread": ThreadSanitizer) and run here. */
export function hasSanitizer(sanitizer = "address") {
  const cxx = missing() === null ? compiler() : null;
  if (cxx === null) return false;
  const work = mkdtempSync(join(tmpdir(), "sluice-check-"));
  try {
    writeFileSync(join(work, "empty.cpp"), "int main() {}\n");
    const quietly = { stdio: "ignore" };
    return spawnSync(cxx, [`-fsanitize=${sanitizer}`, join(work, "empty.cpp"), "-o", join(work, "empty")], quietly).status === 0 && spawnSync(join(work, "empty"), quietly).status === 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Builds native/check.cpp for one instruction set in a folder of its own, and gives the program to `use`. */
async function withCheck(cxx, isa, more, use) {
  const work = mkdtempSync(join(tmpdir(), "sluice-check-"));
  try {
    writeBindings(work);
    const program = join(work, "check");
    await run(cxx, [...flags, ...more, `-DISA=${isa}`, `-I${native}`, `-I${work}`, join(native, "check.cpp"), join(native, "pool.cpp"), "-o", program, "-lpthread"]);
    return await use(program, work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Runs native/check.cpp under AddressSanitizer (or "thread": ThreadSanitizer); returns what it said. */
export function checkMemory(isa, sanitizer = "address") {
  const sanitize = ["-O1", "-g1", `-fsanitize=${sanitizer}`, "-fno-omit-frame-pointer"];
  return withCheck(compiler(), isa, [...units[isa], ...sanitize], (program) => run(program, []));
}

/** How programs for arm64 are built and run on another machine: Debian's g++-aarch64-linux-gnu and qemu-user. */
const arm = { cxx: "aarch64-linux-gnu-g++", emulator: "qemu-aarch64" };
export const canEmulateArm = () => process.arch !== "arm64" && Object.values(arm).every((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);

/** All results of native/check.cpp on an instruction set of this processor, or on "neon" by an emulator. */
export function checkResults(isa) {
  const emulated = isa === "neon" && process.arch !== "arm64";
  return withCheck(emulated ? arm.cxx : compiler(), isa, emulated ? ["-static"] : units[isa], async (program, work) => {
    const file = join(work, "results");
    await (emulated ? run(arm.emulator, [program, file]) : run(program, [file]));
    const bytes = readFileSync(file);
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const optional = process.argv.includes("--optional");
  const [verb = "build", folder = "."] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
  const reason = missing();
  try {
    if (reason !== null) {
      console.log(`native: not built, ${reason}; WebAssembly runs instead`);
      process.exitCode = optional ? 0 : 1;
    } else if (verb === "check") {
      await build();
      const { isas, onRequest } = createRequire(import.meta.url)(join(out, "sluice.node")); // what this processor can run
      for (const isa of [...isas, ...onRequest]) console.log(`native: ${isa}: ${(await checkMemory(isa, folder === "thread" ? "thread" : "address")).trim()}`);
    } else {
      await build();
      if (verb === "pack") console.log(`native: ${pack(folder)}`);
    }
  } catch (error) {
    if (optional) console.log("native: not built (npm run native says why); WebAssembly runs instead");
    else console.error(`native: ${error.message}`);
    process.exitCode = optional ? 0 : 1;
  }
}
