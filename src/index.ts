/** @file The door `sluice`: engine, layers, training and tasks in one import. Narrower doors: `sluice/nn`, `sluice/train`, `sluice/infer`, … */
export { type ErrorCode, SluiceError } from "./base/errors.ts";
export { Rng, type RngState } from "./base/random.ts";
export { createEngine, Engine, type EngineOptions, Param, Tensor } from "./engine/index.ts";
export * from "./nn/index.ts";
export * as ops from "./ops/index.ts";
export { forecast } from "./tasks/index.ts";
export { train } from "./train/index.ts";
