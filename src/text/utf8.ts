/** @file Bytes of a file to text, or an error that says which byte is wrong and in which line. */
import { SluiceError } from "../base/errors.ts";

/**
 * The text of a file: UTF-8 with or without a byte-order mark, `\r\n` read as `\n`.
 * @param where names the file in errors
 * @throws format: not UTF-8, with the first wrong byte and its line; binary; data: empty; memory: longer than a text can be
 */
export function decodeText(bytes: Uint8Array, where: string): string {
  const [a, b, c] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    throw new SluiceError("format", `${where}: the text is UTF-16 (it begins with its byte-order mark), expected UTF-8; save it anew as UTF-8`, { file: where });
  }
  const body = a === 0xef && b === 0xbb && c === 0xbf ? bytes.subarray(3) : bytes;
  if (body.length === 0) throw new SluiceError("data", `${where}: the text is empty, expected some letters; is it the right file?`, { file: where });
  const zero = body.indexOf(0);
  if (zero >= 0) {
    throw new SluiceError("format", `${where}: byte ${zero + bytes.length - body.length} is 0, expected text; a binary file, or UTF-16`, { file: where, offset: zero });
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch (cause) {
    const wrong = firstWrongByte(body);
    if (wrong < 0) {
      throw new SluiceError("memory", `${where}: the text has ${bytes.length} bytes, expected fewer; a text in JavaScript cannot be as long. Split the file`, { file: where }, { cause });
    }
    const offset = wrong + bytes.length - body.length;
    const line = lineOf(body, wrong);
    const byte = `0x${body[wrong]!.toString(16).toUpperCase().padStart(2, "0")}`;
    const message = `${where}: byte ${offset} (line ${line}) is ${byte}, expected UTF-8; it is perhaps Latin-1 or Windows-1252. Convert it: iconv -f windows-1252 -t utf-8`;
    throw new SluiceError("format", message, { file: where, offset, line }, { cause });
  }
  return text.includes("\r\n") ? text.replaceAll("\r\n", "\n") : text;
}

/** Where the first sequence that is not UTF-8 begins, or −1. @see RFC 3629, section 4 */
export function firstWrongByte(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; ) {
    const a = bytes[i]!;
    if (a < 0x80) {
      i++;
      continue;
    }
    const more = a >= 0xc2 && a < 0xe0 ? 1 : a >= 0xe0 && a < 0xf0 ? 2 : a >= 0xf0 && a < 0xf5 ? 3 : 0;
    if (more === 0) return i;
    const b = bytes[i + 1] ?? 0;
    // The second byte's range excludes overlong forms, surrogates, and what lies above U+10FFFF.
    const low = a === 0xe0 ? 0xa0 : a === 0xf0 ? 0x90 : 0x80;
    const high = a === 0xed ? 0x9f : a === 0xf4 ? 0x8f : 0xbf;
    if (b < low || b > high) return i;
    for (let k = 2; k <= more; k++) if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return i;
    i += more + 1;
  }
  return -1;
}

function lineOf(bytes: Uint8Array, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset; i++) if (bytes[i] === 0x0a) line++;
  return line;
}
