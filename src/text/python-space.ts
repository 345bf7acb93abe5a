/** @file White space as Python's `str.split` and `str.rstrip` know it: published scores were computed with those. JavaScript's `\s` differs in five characters. */

const space = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;
const spaces = new RegExp(`${space}+`, "u");
const one = new RegExp(space, "u");

/** The parts of a text between white space. */
export const splitSpaces = (text: string): string[] => text.split(spaces).filter((part) => part !== "");

/** Letter by letter from the end: a pattern would begin anew at every space of a long run inside. */
export function trimEndSpaces(text: string): string {
  let end = text.length;
  while (end > 0 && one.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}
