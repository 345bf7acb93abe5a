/** @file Runs the built command line as a process, in a folder of its own. `npm test` builds it first. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

export const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
if (!existsSync(main)) throw new Error("dist/cli/main.js is not there: run npm run build first");

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A folder that is gone after the tests of the file. */
export function workFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-cli-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function collect(child: ChildProcess, watch?: (stderr: string, child: ChildProcess) => void): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    watch?.(stderr, child);
  });
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (code, signal) => done({ code, signal, stdout, stderr }));
  });
}

const env = { ...process.env, DEBUG: "", NO_COLOR: "1" };

/** `sluice` with these words. @param watch sees stderr as it grows, and may send signals */
export const sluice = (
  cwd: string,
  words: readonly string[],
  watch?: (stderr: string, child: ChildProcess) => void,
): Promise<Ended> => collect(spawn(process.execPath, [main, ...words], { cwd, env, stdio: ["ignore", "pipe", "pipe"] }), watch);

/** A line of shell in which `sluice` is the program. */
export const shell = (cwd: string, line: string): Promise<Ended> =>
  collect(
    spawn("bash", ["-c", `sluice() { "${process.execPath}" "${main}" "$@"; }; ${line}`], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );

/** The last line of stdout as JSON. */
export const lastJson = <T = Record<string, unknown>>({ stdout }: Ended): T =>
  JSON.parse(stdout.trimEnd().split("\n").at(-1)!) as T;

/** Hourly loads with a daily cycle; what looks like noise is the golden ratio's multiples, the same in every run. `cell` may spoil cells. */
export function writeLoads(
  path: string,
  rows: number,
  cell: (row: number, load: number) => string | number = (_, load) => load,
): void {
  const lines = Array.from({ length: rows }, (_, i) => {
    const time = new Date(Date.UTC(2023, 0, 1, i)).toISOString().slice(0, 16);
    const jitter = ((i * 0.6180339887) % 1) - 0.5;
    const load = Number((10 + 5 * Math.sin((2 * Math.PI * i) / 24) + jitter).toFixed(3));
    const warmth = Number((20 + 3 * Math.sin((2 * Math.PI * i) / 24 + 1) + ((i * 0.7548776662) % 1)).toFixed(2));
    return `${time},${cell(i, load)},${warmth}`;
  });
  writeFileSync(path, `time,load,warmth\n${lines.join("\n")}\n`);
}

/** Settings under which a training takes a moment. */
export const tiny = ["--horizon", "6", "--lookback", "24", "--hidden", "8", "--epochs", "2"];
