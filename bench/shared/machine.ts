/** @file When and on what something was measured, in words that name no machine. */
import { availableParallelism } from "node:os";

/** `2026-11-20`. */
export const today = (): string => new Date().toISOString().slice(0, 10);

/** Cores, processor family, operating system and Node's version. */
export const machine = (): string => `${availableParallelism()} cores (${process.arch}, ${process.platform}), Node.js ${process.versions.node}`;
