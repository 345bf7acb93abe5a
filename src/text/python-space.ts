/** @file White space as Python's `str.split` and `str.rstrip` know it: published scores were computed with those. JavaScript's `\s` differs in five characters. */

const space = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+`;
const spaces = new RegExp(space, "u");
const atEnd = new RegExp(`${space}$`, "u");

/** The parts of a text between white space. */
export const splitSpaces = (text: string): string[] => text.split(spaces).filter((part) => part !== "");

export const trimEndSpaces = (text: string): string => text.replace(atEnd, "");
