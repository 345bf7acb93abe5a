/** @file The little that every reader of foreign JSON needs: is it an object, and how does a value look in an error. */

/** An object whose inner parts the reader still has to check. */
export type JsonObject = Record<string, unknown>;

export const isObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * `value` as it stands in an error: at most 60 characters and two
 * levels, so that a name of 90 MB or a million brackets stay one line.
 */
export function show(value: unknown, depth = 0): string {
  let text: string;
  if (typeof value === "string") text = JSON.stringify(value.slice(0, 80));
  else if (Array.isArray(value))
    text =
      depth > 1
        ? "[…]"
        : `[${value
            .slice(0, 12)
            .map((item) => show(item, depth + 1))
            .join(", ")}${value.length > 12 ? ", …" : ""}]`;
  else text = isObject(value) ? "{…}" : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
