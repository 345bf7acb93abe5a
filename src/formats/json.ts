/**
 * @file JSON from a file nobody vouches for: `JSON.parse` keeps the
 * last of two equal keys and says nothing; here that is an error.
 */
import { SluiceError } from "../base/errors.ts";
import { type JsonObject, show } from "../base/json.ts";

export { isObject, type JsonObject, show } from "../base/json.ts";

/**
 * The value of a JSON text in which no object has a key twice.
 * @param what names the text in errors, for example `the header`
 * @throws format: not JSON, or a repeated key
 */
export function parseStrict(text: string, where: string, what: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = String(cause instanceof Error ? cause.message : cause).slice(0, 120);
    throw new SluiceError(
      "format",
      `${where}: ${what} is not JSON (${reason}); the file is damaged or not what its name says`,
      { file: where },
      { cause },
    );
  }
  const key = repeatedKey(text);
  if (key === undefined) return value;
  throw new SluiceError(
    "format",
    `${where}: ${what} has the key ${show(key)} twice, expected once; readers would disagree on which one counts`,
    { file: where, key },
  );
}

/**
 * The first key met twice in one object of a text that is known to
 * be JSON. Without recursion: brackets may be nested millions deep.
 */
function repeatedKey(text: string): string | undefined {
  const open: (Set<string> | null)[] = []; // for each open bracket: the keys of an object so far, null for an array
  let keyNext = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "{" || c === "[") {
      open.push(c === "{" ? new Set() : null);
      keyNext = c === "{";
    } else if (c === "}" || c === "]") {
      open.pop();
    } else if (c === ",") {
      keyNext = open.at(-1) !== null;
    } else if (c === '"') {
      const start = i++;
      while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
      const keys = open.at(-1);
      if (!keyNext || !keys) continue;
      keyNext = false;
      const key = JSON.parse(text.slice(start, i + 1)) as string;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

/**
 * Throws unless JSON keeps `value` exactly: plain objects and arrays of finite numbers, texts, booleans and null,
 * at most 64 deep. (JSON.stringify would write NaN as null and a Map as {} without a word; a property that is
 * undefined counts as absent; a key `__proto__` would come back as a prototype when someone copies the object.)
 * @param path how to call `value` in the error, for example `config`
 * @param code what is at fault when it throws: the caller's value (`type`) or a file (`format`)
 * @throws `code`: anything else; numeric: NaN or Infinity
 */
export function checkJson(value: unknown, where: string, path: string, code: "type" | "format" = "type", depth = 0): void {
  const bad = (due: string): never => {
    const got = typeof value === "object" && value !== null ? value.constructor?.name : show(value);
    throw new SluiceError(
      typeof value === "number" ? "numeric" : code,
      `${where}: ${path.slice(0, 200)} is ${got}, expected ${due}; a model file's JSON part`,
      { file: where, path },
    );
  };
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) bad("a finite number");
    return;
  }
  if (depth > 64) bad("at most 64 levels of nesting");
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) checkJson(item, where, `${path}[${i}]`, code, depth + 1);
    return;
  }
  const prototype: unknown = typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
  if (prototype !== Object.prototype && prototype !== null) bad("plain JSON (objects, lists, numbers, texts, true, false, null)");
  for (const [key, item] of Object.entries(value as JsonObject)) {
    if (key === "__proto__") bad("no key __proto__");
    if (item !== undefined) checkJson(item, where, `${path}.${key}`, code, depth + 1);
  }
}
