/** @file Texts whose lines are items of their own: names, titles, words. Runs in browsers. */

/** Whether lines look like a list of names or words: nearly all hold one word. */
export function looksLikeItems(text: string): boolean {
  const lines = itemsOf(text.slice(0, 200_000));
  return lines.length >= 20 && lines.filter((line) => !/\s/u.test(line)).length >= 0.95 * lines.length;
}

/** The items of a text: its lines without the spaces around them, empty lines left out. */
export const itemsOf = (text: string): string[] => text.split("\n").map((line) => line.trim()).filter((line) => line !== "");

/** Items as a text: each with its line end. */
export const joinItems = (items: readonly string[]): string => items.map((item) => `${item}\n`).join("");

/** A text of items as networks and counts are both scored on it: one line end behind each item and nothing else. */
export const itemsText = (text: string): string => joinItems(itemsOf(text));
