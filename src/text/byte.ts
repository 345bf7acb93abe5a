/** @file Bytes as tokens: 256 ids for any text in any language, and the way from bytes back to whole characters. */
import type { JsonObject } from "../base/json.ts";
import { GraphemeGate } from "./graphemes.ts";
import { normalizeText } from "./normal.ts";
import { checkId, namesOf, specialIds, specialText } from "./special.ts";
import type { SpecialIds, SpecialName, StreamDecoder, Tokenizer } from "./tokenizer.ts";

const encoder = new TextEncoder();
/** A decoder for bytes that come in pieces; a byte-order mark is a character like others. */
const utf8 = (): TextDecoder => new TextDecoder("utf-8", { ignoreBOM: true });

/** A stream decoder out of the bytes of each id. */
export function streamOfBytes(bytesOf: (id: number) => Uint8Array): StreamDecoder {
  const gate = new GraphemeGate();
  const decoder = utf8();
  return {
    push: (id) => gate.push(decoder.decode(bytesOf(id), { stream: true })),
    end: () => gate.push(decoder.decode()) + gate.end(),
  };
}

/** The text of bytes; what is not UTF-8 becomes U+FFFD. */
export const textOfBytes = (bytes: Uint8Array): string => utf8().decode(bytes);

/** Parts one after the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let n = 0;
  for (const part of parts) {
    all.set(part, n);
    n += part.length;
  }
  return all;
}

/** A byte or a few of them as shown to people: as text where they are whole characters, else `0xE2 0x82`. */
export function showBytesOf(bytes: Uint8Array): string {
  const text = textOfBytes(bytes);
  if (!text.includes("\ufffd")) return text;
  return [...bytes].map((b) => `0x${b.toString(16).toUpperCase().padStart(2, "0")}`).join(" ");
}

/** UTF-8 bytes; id = byte + number of special tokens. */
export class ByteTokenizer implements Tokenizer {
  readonly kind = "byte";
  readonly size: number;
  readonly special: SpecialIds;
  readonly #first: number;

  constructor(
    readonly lowercase: boolean,
    special: readonly SpecialName[],
  ) {
    this.special = specialIds(special);
    this.#first = namesOf(this.special).length;
    this.size = 256 + this.#first;
  }

  encode(text: string): Int32Array {
    const ids = Int32Array.from(encoder.encode(normalizeText(text, this.lowercase)));
    if (this.#first > 0) for (let i = 0; i < ids.length; i++) ids[i]! += this.#first;
    return ids;
  }

  decode(ids: ArrayLike<number>): string {
    const bytes = new Uint8Array(ids.length);
    let n = 0;
    for (let i = 0; i < ids.length; i++) {
      checkId(ids[i]!, this.size);
      if (ids[i]! >= this.#first) bytes[n++] = ids[i]! - this.#first;
    }
    return textOfBytes(bytes.subarray(0, n));
  }

  token(id: number): string {
    checkId(id, this.size);
    return id < this.#first ? specialText[namesOf(this.special)[id]!] : showBytesOf(Uint8Array.of(id - this.#first));
  }

  streamDecoder(): StreamDecoder {
    return streamOfBytes((id) => {
      checkId(id, this.size);
      return id < this.#first ? new Uint8Array() : Uint8Array.of(id - this.#first);
    });
  }

  toJSON(): JsonObject {
    return { kind: "byte", lowercase: this.lowercase, special: namesOf(this.special) };
  }
}
