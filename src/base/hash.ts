/** @file A fingerprint of numbers: tells whether data are the same, not whether somebody meant them to look the same. */

/**
 * 64 bits of FNV-1a (Fowler, Noll and Vo) over the bytes, as 16 hexadecimal digits; two 32-bit halves with different starts.
 * @param arrays hashed one after the other
 */
export function fingerprint(...arrays: readonly ArrayBufferView[]): string {
  let a = 0x811c9dc5;
  let b = 0x2f0b4c47;
  for (const array of arrays) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let i = 0; i < bytes.length; i++) {
      a = Math.imul(a ^ bytes[i]!, 0x01000193);
      b = Math.imul(b ^ bytes[i]!, 0x01000193) + 0x9e3779b9;
    }
  }
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
