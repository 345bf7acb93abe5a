/** @file A conversation: what you say is read behind your mark, the answer is written behind the model's, and the state carries all of it. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";
import type { StreamWeights } from "../../nn/stream-plan.ts";
import type { Continuation, GenerateOptions } from "./generate.ts";
import type { DialogueMarks, LanguageModel } from "./model.ts";
import type { Session } from "./session.ts";

/** An answer's end, and what was not understood. */
export interface Said extends Continuation {
  /** Tokens of your line that the model has never seen. */
  unknown: number;
}

export class Chat {
  readonly #session: Session;
  readonly #marks: DialogueMarks;
  /** Where the text stood before each of your lines. */
  readonly #before: Uint8Array[] = [];

  private constructor(session: Session, marks: DialogueMarks, before: readonly Uint8Array[]) {
    this.#session = session;
    this.#marks = marks;
    this.#before.push(...before);
  }

  /** @throws state: the model was not trained on dialogue lines, and no marks are given */
  static open(model: LanguageModel, { marks, weights = "f32" }: { marks?: DialogueMarks | undefined; weights?: StreamWeights } = {}): Chat {
    const both = marks ?? model.config.dialogue;
    if (!both) {
      throw new SluiceError("state", 'chat: the model has learnt no dialogue, expected lines that begin with "> " and "< " (or "A: " and "B: ") in its training text; use generate, or give the marks');
    }
    return new Chat(model.session({ weights }), both, []);
  }

  /** What the model's tokens are: `char`, `word`, … */
  get tokenKind(): string {
    return this.#session.model.tokenizer.kind;
  }

  /** Lines that `undo` can take back. */
  get turns(): number {
    return this.#before.length;
  }

  /** Takes what you say; the answer comes piece by piece. */
  *say(line: string, options: GenerateOptions = {}): Generator<string, Said, void> {
    this.#before.push(this.#session.snapshot());
    const { you, me } = this.#marks;
    const { unknown } = this.#session.feed(`${you}${line.replace(/\s*\n\s*/gu, " ").trim()}\n${me}`);
    const result = yield* this.#session.generate({ length: 400, ...options, stop: "\n" });
    if (result.ended !== "stop") this.#session.feed("\n"); // the next line begins a line
    return { ...result, unknown };
  }

  /** As if your last line and its answer had never been. Returns whether there was one. */
  undo(): boolean {
    const before = this.#before.pop();
    if (before) this.#session.rewind(before);
    return before !== undefined;
  }

  /** Forgets everything that was said. */
  reset(): void {
    this.#session.reset();
    this.#before.length = 0;
  }

  /** A conversation of its own that goes on from here. */
  fork(): Chat {
    return new Chat(this.#session.fork(), this.#marks, this.#before);
  }

  /** The state as bytes: `rewind` takes it up, now or in another process that has the same model. */
  snapshot(): Uint8Array<ArrayBuffer> {
    return this.#session.snapshot();
  }

  /** @throws format, state: damaged bytes, or another model's */
  rewind(snapshot: Uint8Array): void {
    this.#session.rewind(snapshot);
    this.#before.length = 0;
  }
}
