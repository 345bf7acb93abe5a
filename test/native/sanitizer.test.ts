/** The kernels under AddressSanitizer, where the compiler has it. Truth: exactly sized buffers (native/check.cpp). */
import { join } from "node:path";
import { expect, test } from "vitest";
import { nativeStatus } from "../../src/engine/index.ts";

const script = (await import(join(import.meta.dirname, "../../scripts/native.mjs"))) as {
  hasSanitizer(): boolean;
  checkMemory(isa: string): Promise<string>;
};
const { addon } = nativeStatus();

test.skipIf(!script.hasSanitizer() || addon === null)("nothing outside its buffers is read or written (AddressSanitizer)", async () => {
  const isa = addon!.isas.includes("avx2") ? "avx2" : addon!.isas[0]!; // of AVX-512 it does not see masked stores
  expect(await script.checkMemory(isa)).toMatch(/^\d+ cases, nothing outside its buffers\n$/);
});
