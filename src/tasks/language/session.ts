/**
 * @file A text that goes on: by reading what it is fed and by writing what comes next, one compiled call a token. A session can be forked,
 * kept as bytes and put back. Runs in browsers.
 */
import { SluiceError } from "../../base/errors.ts";
import { Rng } from "../../base/random.ts";
import type { Stream } from "../../nn/stream.ts";
import type { StreamWeights } from "../../nn/stream-plan.ts";
import { pacer } from "../../train/pause.ts";
import { type Continuation, type GenerateOptions, startText, type TextWriter } from "./generate.ts";
import type { LanguageModel } from "./model.ts";
import { Output } from "./network.ts";
import { TokenSampler } from "./sample.ts";

/** What `feed` took in. */
export interface Fed {
  tokens: number;
  /** Tokens that stand for what the model has never seen: they are read as the unknown token. */
  unknown: number;
}

/** Bytes in front of a stream's snapshot: the token that has been written but not read yet. */
const HEADER = 4;

export class Session {
  readonly #model: LanguageModel;
  readonly #stream: Stream;
  /** A token's numbers, as they were when the session was opened. */
  readonly #rows: readonly Float32Array[];
  /** Written or fed, but not read yet; −1: nothing. Its reading gives the scores of the next. */
  #pending: number;
  #rng: Rng;

  private constructor(model: LanguageModel, stream: Stream, rows: readonly Float32Array[], pending: number, rng: Rng) {
    this.#model = model;
    this.#stream = stream;
    this.#rows = rows;
    this.#pending = pending;
    this.#rng = rng;
  }

  /** A session at the start of a text. */
  static open(model: LanguageModel, weights: StreamWeights): Session {
    const { embedding, recurrent, projection, output } = model.network;
    const [V, E] = embedding.weight.shape as [number, number];
    const table = Float32Array.from(embedding.weight.data);
    const rows = Array.from({ length: V }, (_, id) => table.subarray(id * E, (id + 1) * E));
    const head = output instanceof Output ? (projection ? [projection, output] : [output]) : [];
    const stream = recurrent.stream({ head, weights });
    return new Session(model, stream, rows, model.config.mark, new Rng(1));
  }

  get model(): LanguageModel {
    return this.#model;
  }

  /**
   * Reads a text. Characters and words that the model does not know count as its unknown token.
   * @throws data: an unknown one, where the model has no token for it
   */
  feed(text: string): Fed {
    const ids = this.#model.tokenizer.encode(text);
    const { unknown } = this.#model.tokenizer.special;
    for (const id of ids) this.#take(id);
    return { tokens: ids.length, unknown: unknown < 0 ? 0 : ids.filter((id) => id === unknown).length };
  }

  /** Reads a token by number. */
  #take(id: number): void {
    if (this.#pending >= 0) this.#read();
    this.#pending = id;
  }

  /** Scores of every token that may come next [V]; overwritten by the next reading. */
  #read(): Float32Array {
    // Between items there is nothing to remember.
    if (this.#model.config.items && this.#pending === this.#model.config.mark) this.#stream.reset();
    const out = this.#stream.push(this.#rows[this.#pending]!);
    const { engine, network } = this.#model;
    if (network.output instanceof Output) return out;
    return engine.scope(() => Float32Array.from(network.logProbabilities(engine.tensor([1, out.length], out)).data));
  }

  /**
   * Writes on, piece by piece of finished text; the last value says why it ended. Leaving the loop early leaves the session where it is.
   * ```ts
   * for (const piece of session.generate({ length: 200, temperature: 0.8 })) process.stdout.write(piece);
   * ```
   * @throws range: an option outside its limits; state: nothing has been read, and the model has no mark for a text's start
   */
  *generate(options: GenerateOptions = {}): Generator<string, Continuation, void> {
    const writer = this.#begin(options);
    while (!writer.ended) {
      const piece = this.#write(writer);
      if (piece !== "") yield piece;
    }
    const rest = writer.end();
    if (rest !== "") yield rest;
    return writer.result;
  }

  /** The same for a program that must not stand still meanwhile: it gives the event loop a turn now and then. */
  async *stream(options: GenerateOptions = {}): AsyncGenerator<string, Continuation, void> {
    const breathe = pacer();
    const pieces = this.generate(options);
    for (;;) {
      const { value, done } = pieces.next();
      if (done) return value;
      yield value;
      await breathe();
    }
  }

  /** Writes on and returns all of it. */
  write(options: GenerateOptions = {}): Continuation {
    const writer = this.#begin(options);
    while (!writer.ended) this.#write(writer);
    writer.end();
    return writer.result;
  }

  #begin(options: GenerateOptions): TextWriter {
    if (this.#pending < 0) throw new SluiceError("state", "generate: nothing has been read yet, expected a prompt; the model's text has no line ends to start from");
    const { tokenizer, config } = this.#model;
    if (options.seed !== undefined) this.#rng = new Rng(options.seed);
    const forbidden = Object.values(tokenizer.special).filter((id) => id >= 0 && id !== config.mark);
    const sampler = new TokenSampler(config.network.vocabulary, options, this.#rng, forbidden);
    return startText(tokenizer, sampler, options, this.#pending, config.items ? config.mark : -1);
  }

  #write(writer: TextWriter): string {
    const id = writer.sampler.draw(this.#read());
    this.#pending = id;
    return writer.push(id);
  }

  /** Natural logarithms of the probabilities of every token that may come next [V]. */
  logProbabilities(): Float32Array {
    if (this.#pending < 0) throw new SluiceError("state", "session: nothing has been read yet, expected a text; feed one first");
    const back = this.snapshot();
    const logits = this.#read();
    const top = logits.reduce((a, b) => Math.max(a, b));
    const rest = Math.log(logits.reduce((sum, x) => sum + Math.exp(x - top), 0));
    const result = logits.map((x) => x - top - rest);
    this.rewind(back);
    return result;
  }

  /** A session of its own that goes on from here. */
  fork(): Session {
    return new Session(this.#model, this.#stream.fork(), this.#rows, this.#pending, Rng.from(this.#rng.state));
  }

  /** Where the text stands, as bytes to be kept or sent anywhere. */
  snapshot(): Uint8Array<ArrayBuffer> {
    const state = this.#stream.snapshot();
    const bytes = new Uint8Array(HEADER + state.length);
    new DataView(bytes.buffer).setInt32(0, this.#pending, true);
    bytes.set(state, HEADER);
    return bytes;
  }

  /**
   * Goes back (or forth) to a snapshot of a session of the same model.
   * @throws format: cut or damaged bytes; state: another model's. The session is then unchanged.
   */
  rewind(snapshot: Uint8Array): void {
    const pending = snapshot.length < HEADER ? -2 : new DataView(snapshot.buffer, snapshot.byteOffset).getInt32(0, true);
    if (!(pending >= -1 && pending < this.#rows.length)) {
      throw new SluiceError("format", `rewind: the snapshot's last token is ${pending}, expected -1 to ${this.#rows.length - 1}; it is cut, damaged or another model's`);
    }
    this.#stream.restore(snapshot.subarray(HEADER));
    this.#pending = pending;
  }

  /** Back to the start of a text. */
  reset(): void {
    this.#stream.reset();
    this.#pending = this.#model.config.mark;
  }
}
