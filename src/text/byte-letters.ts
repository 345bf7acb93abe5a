/** @file The letters that Hugging Face's byte-level vocabularies write bytes with: printable ones as themselves, the others from U+0100 on, in order. */

const printable = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
let others = 0;
const letters = Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : 256 + others++));
const bytes = new Map(letters.map((letter, byte) => [letter, byte]));

const encoder = new TextEncoder();

/** The UTF-8 bytes of a text, each as its letter. */
export const toByteLetters = (text: string): string => Array.from(encoder.encode(text), (byte) => letters[byte]!).join("");

/** The bytes that letters stand for; a text with any other letter is that text's UTF-8. */
export function fromByteLetters(token: string): Uint8Array {
  const out = Array.from(token, (letter) => bytes.get(letter));
  return out.includes(undefined) ? encoder.encode(token) : Uint8Array.from(out as number[]);
}
