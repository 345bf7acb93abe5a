/**
 * The NEON kernels on a processor that has none, by an emulator. Truth: this processor's own instruction sets, which the other tests here hold
 * against float64.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { nativeStatus } from "../../src/engine/index.ts";

const script = (await import(join(import.meta.dirname, "../../scripts/native.mjs"))) as {
  canEmulateArm(): boolean;
  checkResults(isa: string): Promise<Float32Array>;
};
const { addon } = nativeStatus();
const possible = addon !== null && script.canEmulateArm();
if (!possible) console.log("neon: test skipped, it needs the addon, and g++-aarch64-linux-gnu and qemu-user on another processor than arm64");

test.skipIf(!possible)("neon: layers, streams, attention and losses, on one thread and on three (emulated)", async () => {
  const [got, due] = await Promise.all([script.checkResults("neon"), script.checkResults(addon!.isas[0]!)]);
  expect(got.length).toBe(due.length);
  expect(got.length).toBeGreaterThan(1e6);
  let worst = 0;
  for (const [i, x] of got.entries()) worst = Math.max(worst, Math.abs(x - due[i]!) / Math.max(1, Math.abs(due[i]!)));
  expect(worst).toBeLessThan(2e-5);
});
