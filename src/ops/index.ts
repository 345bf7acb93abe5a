/** @file Every op, and the plain functions that stand beside them. `table.ts` lists the ops themselves. */
export * from "./attention.ts";
export * from "./dropout.ts";
export * from "./elementwise.ts";
export * from "./embedding.ts";
export * from "./linear.ts";
export * from "./loss.ts";
export * from "./norm.ts";
export * from "./pool.ts";
export * from "./projection.ts";
export * from "./recurrent.ts";
export * from "./reduce.ts";
export type { Reduction } from "./reduction.ts";
export * from "./rows.ts";
export * from "./shape.ts";
export * from "./softmax.ts";
export * from "./window.ts";
