/** @file The tests run on the TypeScript as it is; what needs the built package (command line, examples) uses `dist`, which `npm test` builds first. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "bench/versus/*.test.ts"],
    testTimeout: 60_000,
    update: process.env["UPDATE"] === "1",
  },
});
