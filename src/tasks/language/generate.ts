/** @file From drawn tokens to text: what is shown when, and where it ends. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import type { StreamDecoder, Tokenizer } from "../../text/index.ts";
import type { SampleOptions, TokenSampler } from "./sample.ts";

export interface GenerateOptions extends SampleOptions {
  /** Tokens to write at most. Default 200. */
  length?: number;
  /** The text ends before any of these. */
  stop?: string | readonly string[];
  /** Same model, text and seed: same continuation. Left out: the session's draws go on. */
  seed?: number;
  /** A model of separate lines goes on with the next line instead of ending with this one. */
  lines?: number;
}

/** What was written. */
export interface Continuation {
  text: string;
  tokens: number;
  /** `length`: as much as asked for; `stop`: a stop text came; `lines`: all lines asked for are there. */
  ended: "length" | "stop" | "lines";
}

/** A text being written: takes tokens, gives what no later token can change or take back. */
export class TextWriter {
  readonly #tokenizer: Tokenizer;
  readonly #decoder: StreamDecoder;
  /** Decoded, but perhaps the beginning of a stop text. */
  #held = "";
  /** The last tokens, as many as a stop text may have: the decoder waits for the next character, a stop text must not. */
  #tail: number[] = [];
  readonly #window: number;
  /** The token that the text goes on from; −1: none. */
  #before: number;
  #text = "";
  #tokens = 0;
  #lines: number;
  #ended: Continuation["ended"] | null = null;

  constructor(
    tokenizer: Tokenizer,
    readonly sampler: TokenSampler,
    readonly length: number,
    readonly stops: readonly string[],
    /** The token that ends a line, and lines to write; −1: lines don't count. */
    readonly mark: number,
    lines: number,
    before: number,
  ) {
    this.#tokenizer = tokenizer;
    this.#decoder = tokenizer.streamDecoder();
    this.#lines = lines;
    this.#before = before;
    this.#window = 1 + 4 * Math.max(0, ...stops.map((s) => s.length));
    if (length === 0) this.#ended = "length";
  }

  get ended(): boolean {
    return this.#ended !== null;
  }

  get result(): Continuation {
    return { text: this.#text, tokens: this.#tokens, ended: this.#ended ?? "length" };
  }

  /** Takes a token; returns the text that is now certain. */
  push(id: number): string {
    this.#tokens++;
    this.sampler.note(id);
    if (this.#tokens >= this.length) this.#ended = "length";
    if (id === this.mark && --this.#lines === 0) {
      this.#ended = "lines";
      return "";
    }
    const piece = this.#join(id) + this.#decoder.push(id);
    if (this.stops.length === 0) {
      this.#text += piece;
      return piece;
    }
    this.#tail = [...this.#tail.slice(1 - this.#window), id];
    const tail = this.#tokenizer.decode(this.#tail);
    if (this.stops.some((stop) => tail.includes(stop))) this.#ended = "stop";
    this.#held += piece;
    return this.#let(this.#ended === "stop" ? 0 : this.#held.length - overlap(this.#held, this.stops));
  }

  /** What stands between the text before and its first token: the space between two words. */
  #join(id: number): string {
    const before = this.#before;
    this.#before = -1;
    if (before < 0) return "";
    const after = decodeAfter(this.#tokenizer, before, [id]);
    return after.slice(0, Math.max(0, after.length - this.#tokenizer.decode([id]).length));
  }

  /** What was held back, up to a stop text. */
  end(): string {
    this.#held += this.#decoder.end();
    const stops = this.stops.map((stop) => this.#held.indexOf(stop)).filter((at) => at >= 0);
    return this.#let(Math.min(this.#held.length, ...stops));
  }

  #let(count: number): string {
    const out = this.#held.slice(0, count);
    this.#held = this.#held.slice(count);
    this.#text += out;
    return out;
  }
}

/** The text of tokens that follow another one: words know whether a space belongs before them. @param before −1: nothing */
export function decodeAfter(tokenizer: Tokenizer, before: number, ids: readonly number[]): string {
  return before < 0 ? tokenizer.decode(ids) : tokenizer.decode([before, ...ids]).slice(tokenizer.decode([before]).length);
}

/** Length of the longest end of `text` that a stop text begins with. */
function overlap(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let n = Math.min(stop.length - 1, text.length); n > longest; n--) if (text.endsWith(stop.slice(0, n))) longest = n;
  }
  return longest;
}

/**
 * @param before the token that the text goes on from, −1 for none
 * @param mark what ends a line, −1 where lines don't count
 * @throws range: a length or number of lines that is none, an empty stop text
 */
export function startText(tokenizer: Tokenizer, sampler: TokenSampler, { length = 200, stop = [], lines = 1 }: GenerateOptions, before: number, mark: number): TextWriter {
  for (const [name, value, least] of [["length", length, 0], ["lines", lines, 1]] as const) {
    if (!Number.isSafeInteger(value) || value < least) throw new SluiceError("range", `generate: ${name} is ${value}, expected a whole number from ${least}`, { [name]: value });
  }
  const stops = typeof stop === "string" ? [stop] : stop;
  if (stops.includes("")) throw new SluiceError("range", "generate: a stop text is empty, expected at least one character");
  return new TextWriter(tokenizer, sampler, length, stops, mark, lines, before);
}
