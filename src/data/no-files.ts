/** @file What stands in for `read.ts` in a browser's bundle (package.json, "browser"): there are no files to read, and this says what to do instead. */
import { SluiceError } from "../base/errors.ts";
import type * as files from "./read.ts";

const refuse = (name: string, instead: string): never => {
  throw new SluiceError("state", `${name}: there are no files in a browser, expected Node.js; fetch the file and use ${instead}`);
};

export const readCsv: typeof files.readCsv = async () => refuse("readCsv", "parseCsv(text)");
export const readParquet: typeof files.readParquet = async () => refuse("readParquet", "parseParquet(bytes)");
export const readTable: typeof files.readTable = async () => refuse("readTable", "parseCsv(text) or parseParquet(bytes)");
