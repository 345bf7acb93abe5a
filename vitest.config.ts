/** @file The tests run on the TypeScript as it is; what needs the built package (command line, examples) uses `dist`, which `npm test` builds first. */
import { configDefaults, defineConfig } from "vitest/config";

/** Tests of every WebAssembly build, the one with relaxed SIMD too, which Node 20 has behind a flag of V8. */
const everyBuild = ["test/kernels/recurrent.test.ts", "test/kernels/threads.test.ts", "test/oracle/pytorch.test.ts"];
const behindFlag = Number(process.versions.node.split(".")[0]) < 22;

const shared = { testTimeout: 60_000, update: process.env["UPDATE"] === "1" };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: "sluice",
          include: ["src/**/*.test.ts", "test/**/*.test.ts", "bench/versus/*.test.ts"],
          exclude: [...configDefaults.exclude, ...everyBuild],
        },
      },
      { test: { ...shared, name: "every build", include: everyBuild, execArgv: behindFlag ? ["--experimental-wasm-relaxed-simd"] : [] } },
    ],
  },
});
