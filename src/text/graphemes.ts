/** @file Graphemes (what a reader takes for one character), whole or as text arrives. */
import type { StreamDecoder } from "./tokenizer.ts";

let segmenter: Intl.Segmenter | undefined;

/** The graphemes of a text: a letter with its accents, an emoji of several code points. @see Unicode Standard Annex 29 */
export function* graphemesOf(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  for (const { segment } of segmenter.segment(text)) yield segment;
}

/** A grapheme of more code units than this is noise; it is let go, so that holding back costs no more than the text's length. */
const longest = 256;

/** Lets text through as soon as its last grapheme is complete. */
export class GraphemeGate {
  #held = "";

  push(text: string): string {
    if (text === "") return "";
    const all = this.#held + text;
    const last = this.#lastStart(all);
    this.#held = all.slice(last);
    return all.slice(0, last);
  }

  end(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }

  /** Where the last grapheme of `all` begins; its length if that one is too long to wait for. */
  #lastStart(all: string): number {
    const n = all.length;
    const [before, last] = [all.charCodeAt(n - 2), all.charCodeAt(n - 1)];
    if (last < 0x80 && (n === 1 || (before < 0x80 && last !== 0x0a))) return n - 1; // nearly always; \r\n is one grapheme
    segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
    let start = 0;
    for (const { index } of segmenter.segment(all)) start = index;
    const whole = last < 0xd800 || last > 0xdbff; // not the first half of a pair
    return n - start > longest && whole ? n : start;
  }
}

/** A stream decoder out of the text of each id. */
export function streamOfText(textOf: (id: number) => string): StreamDecoder {
  const gate = new GraphemeGate();
  return { push: (id) => gate.push(textOf(id)), end: () => gate.end() };
}
