/** @file What needs a disk: atomic files and TensorBoard events. Node-only; everything else is in `index.ts`. */
export { type Content, readBytes, writeAtomic } from "./files.ts";
export { EventWriter } from "./tensorboard.ts";
