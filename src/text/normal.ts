/** @file The form of text that tokenizers work on, so that the same letters are the same code points. */

/**
 * `text` in Unicode normal form C, in small letters if wished. Halves of surrogate pairs, which no file can hold, become U+FFFD.
 * @see Unicode Standard Annex 15
 */
export function normalizeText(text: string, lowercase = false): string {
  const whole = /\p{Surrogate}/u.test(text) ? text.replace(/\p{Surrogate}/gu, "\ufffd") : text;
  return (lowercase ? whole.toLowerCase() : whole).normalize("NFC");
}
