/**
 * The kernels on three threads under ThreadSanitizer, where the compiler has it. Truth: two threads at one number have to have met in between
 * (native/check.cpp); unlike a comparison of results, this does not depend on who happens to be first.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { nativeStatus } from "../../src/engine/index.ts";

const script = (await import(join(import.meta.dirname, "../../scripts/native.mjs"))) as {
  hasSanitizer(sanitizer: string): boolean;
  checkMemory(isa: string, sanitizer: string): Promise<string>;
};
const { addon } = nativeStatus();

test.skipIf(!script.hasSanitizer("thread") || addon === null)("no two threads are at one number without having met (ThreadSanitizer)", async () => {
  const isa = addon!.isas.includes("avx2") ? "avx2" : addon!.isas[0]!; // of AVX-512 it does not see masked stores
  expect(await script.checkMemory(isa, "thread")).toMatch(/^\d+ cases, nothing outside its buffers\n$/);
});
