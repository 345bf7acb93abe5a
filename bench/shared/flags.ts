/** @file The few flags a benchmark takes: `--name value`, each with a default that also says whether it is a number or a text. */
import { SluiceError } from "../../src/index.ts";

/** @throws usage: a flag that is not among `defaults`, or no number where one is due */
export function flags<D extends Record<string, number | string>>(defaults: D): { [K in keyof D]: D[K] extends number ? number : string } {
  const values: Record<string, number | string> = { ...defaults };
  const words = process.argv.slice(2);
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i]!.replace(/^--/, "");
    const text = words[i + 1];
    if (!Object.hasOwn(defaults, name) || text === undefined) {
      const known = Object.keys(defaults).map((key) => `--${key}`).join(", ");
      throw new SluiceError("usage", `bench: ${words[i]} is ${text === undefined ? "without a value" : "not a flag of this benchmark"}, expected one of ${known || "none"}`);
    }
    const number = Number(text);
    if (typeof defaults[name] === "number" && !Number.isFinite(number)) {
      throw new SluiceError("usage", `bench: --${name} is "${text}", expected a number`);
    }
    values[name] = typeof defaults[name] === "number" ? number : text;
  }
  return values as { [K in keyof D]: D[K] extends number ? number : string };
}
