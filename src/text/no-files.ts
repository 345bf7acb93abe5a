/** @file What stands in for `read.ts` in a browser's bundle (package.json, "browser"): there are no files to read, and this says what to do instead. */
import { SluiceError } from "../base/errors.ts";
import type * as files from "./read.ts";

const refuse = (name: string, instead: string): never => {
  throw new SluiceError("state", `${name}: there are no files in a browser, expected Node.js; fetch the file and use ${instead}`);
};

export const readText: typeof files.readText = async () => refuse("readText", "decodeText(bytes, name)");
export const readLines: typeof files.readLines = async () => refuse("readLines", "linesOf(decodeText(bytes, name))");
export const readParallel: typeof files.readParallel = async () => refuse("readParallel", "alignLines(source, target, names)");
