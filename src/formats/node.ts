/** @file The door `sluice/formats` in Node: what needs a disk (atomic files, TensorBoard events) beside everything in `index.ts`. */
export { type Content, readBytes, writeAtomic } from "./files.ts";
export { EventWriter } from "./tensorboard.ts";
export * from "./index.ts";
