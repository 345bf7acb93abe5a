/** @file Numbers for features that nobody keeps a list of: a text's hash picks its row of a table. Runs in browsers. */

/**
 * 32 bits of a text: FNV-1a (Fowler, Noll and Vo) over its UTF-16 units, then mixed so that any remainder of it is even.
 * @param seed keeps features of different kinds apart
 */
export function hashText(text: string, seed = 0): number {
  let h = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
