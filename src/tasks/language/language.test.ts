/**
 * @file Truth: a text that was made up by rule, so that what comes next is known; laws (whole = step by step, forked = rewound, saved = loaded,
 * resumed = never stopped); the definition of nats.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { createEngine } from "../../engine/index.ts";
import { decodeModel, encodeModel, type ModelFile } from "../../formats/model.ts";
import { beamSearch, Chat, type LanguageModel, type LanguageOptions, type LanguageReport, type LanguageTexts, load, train } from "./index.ts";

const engine = () => createEngine({ backend: "wasm", threads: 1 });
const poem = "the quick brown fox jumps over the lazy dog and then it sleeps in the warm sun.\n";
const tiny: LanguageOptions = { hidden: 32, layers: 1, batch: 8, chunk: 40, epochs: 10, lr: 1e-2, dropout: 0 };

async function learn(texts: LanguageTexts | string, options: LanguageOptions, run = {}): Promise<{ model: LanguageModel; report: LanguageReport }> {
  const all = typeof texts === "string" ? { train: { name: "poem.txt", text: texts } } : texts;
  for await (const event of train(all, options, { engine: engine(), ...run })) if (event.type === "report") return event;
  throw new Error("a training ends in a report");
}

describe("a text learnt by heart", () => {
  let model: LanguageModel;
  let report: LanguageReport;
  beforeAll(async () => {
    ({ model, report } = await learn(poem.repeat(60), tiny));
  });

  test("is reproduced, and predicted better than by counting", () => {
    const session = model.session();
    expect(session.feed("the quick")).toEqual({ tokens: 9, unknown: 0 });
    const { text, tokens, ended } = session.write({ length: poem.length - 9, temperature: 0 });
    expect(text).toBe(poem.slice(9));
    expect({ tokens, ended }).toEqual({ tokens: poem.length - 9, ended: "length" });
    expect(report.test!.nats).toBeLessThan(0.05);
    expect(report.verdict.beatsAll).toBe(true);
    expect(Object.keys(report.baselines)).toEqual(["unigram", "bigram", "interpolated trigram"]);
    expect(report.tokens).toMatchObject({ kind: "char", train: 48 * 80, valid: 480, test: 480 });
  });

  test("streamed, written at once and through a beam is the same; pieces add up", async () => {
    const whole = model.session().write({ length: 60, seed: 4 });
    const pieces: string[] = [];
    for await (const piece of model.session().stream({ length: 60, seed: 4 })) pieces.push(piece);
    expect(pieces.join("")).toBe(whole.text);
    expect(pieces.length).toBeGreaterThan(30);
    expect([...model.session().generate({ length: 60, seed: 4 })]).toEqual(pieces);
    const [best] = beamSearch(model, "the quick", { width: 3, length: 20 });
    expect(best!.text).toBe(poem.slice(9, 29));
    expect(best!.logProbability).toBeLessThan(0);
  });

  test("what a session fed whole, in parts or token by token expects is the same to the last bit, and is what evaluate counts", () => {
    const text = "the lazy dog";
    const [whole, parts] = [model.session(), model.session()];
    whole.feed(text);
    for (const part of ["the", " la", "z", "y dog"]) parts.feed(part);
    expect(parts.logProbabilities()).toEqual(whole.logProbabilities());
    const step = model.session();
    let nats = 0;
    for (const c of text) {
      nats -= step.logProbabilities()[model.tokenizer.encode(c)[0]!]!;
      step.feed(c);
    }
    const scores = model.evaluate(text);
    expect(scores.nats * scores.tokens).toBeCloseTo(nats, 3);
    expect(scores).toMatchObject({ tokens: 12, characters: 12, words: 3 });
    expect(scores.bitsPerCharacter).toBeCloseTo(nats / Math.LN2 / 12, 4);
    expect(scores.perplexityPerWord).toBeCloseTo(Math.exp(nats / 3), 2);
  });

  test("a long text is scored in parts as if in one: the parts read what stands before them", () => {
    const long = poem.repeat(250); // 20,000 tokens: two parts
    const once = model.evaluate(poem.repeat(100)).nats; // one part
    expect(model.evaluate(long).tokens).toBe(20_000);
    expect(model.evaluate(long).nats).toBeCloseTo(once, 3);
  });

  test("a session forks, goes back to bytes, and refuses others'", () => {
    const session = model.session();
    session.feed("the quick");
    const there = session.snapshot();
    const other = session.fork();
    const here = session.write({ length: 20, temperature: 0 }).text;
    expect(other.write({ length: 20, temperature: 0 }).text).toBe(here);
    session.rewind(there);
    expect(session.write({ length: 20, temperature: 0 }).text).toBe(here);
    expect(() => session.rewind(there.slice(0, 30))).toThrow(/it is cut or damaged|format/);
    const bad = there.slice();
    bad.fill(0xff, 0, 4);
    bad[3] = 0x7f;
    expect(() => session.rewind(bad)).toThrow("rewind: the snapshot's last token is");
    session.reset();
    expect(session.snapshot()).toEqual(model.session().snapshot());
  });

  test("rounded weights write the same text here, and a seed decides what is drawn", () => {
    for (const weights of ["int8", "bf16"] as const) {
      const session = model.session({ weights });
      session.feed("the quick");
      expect(session.write({ length: 40, temperature: 0 }).text).toBe(poem.slice(9, 49));
    }
    const drawn = (seed: number) => model.session().write({ length: 80, temperature: 3, seed }).text;
    expect(drawn(1)).toBe(drawn(1));
    expect(drawn(1)).not.toBe(drawn(2));
  });

  test("stops before a stop text, however it arrives", () => {
    const session = model.session();
    session.feed("the quick brown");
    const seen = [...session.generate({ length: 80, temperature: 0, stop: ["lazy", "over th"] })].join("");
    expect(seen).toBe(" fox jumps ");
    // The stop text has been written all the same: the text goes on behind it.
    expect(session.write({ length: 6, temperature: 0 }).text).toBe("e lazy");
    const line = model.session();
    line.feed("in the warm");
    expect(line.write({ temperature: 0, stop: "\n" })).toEqual({ text: " sun.", tokens: 6, ended: "stop" });
    expect(line.write({ length: 3, temperature: 0 }).text).toBe("the");
    expect(() => session.write({ stop: "" })).toThrow("generate: a stop text is empty");
    expect(() => session.write({ length: -1 })).toThrow("generate: length is -1, expected a whole number from 0");
  });

  test("suggests words and endings of words", () => {
    const [first] = model.suggest("the quick bro", 2);
    expect(first!.word).toBe("brown");
    expect(first!.probability).toBeGreaterThan(0.8);
    expect(model.suggest("the quick brown ", 1)[0]!.word).toBe("fox");
    expect(model.suggest("over the lazy dog", 3).map((s) => s.word)).not.toContain("dog");
    expect(() => model.suggest("a", 0)).toThrow("suggest: k is 0");
  });

  test("learns what the user writes, and takes it back to the last bit", () => {
    const bytes = () => encodeModel(model.toFile("test"));
    const before = bytes();
    const mine = "my cat is called mimi.\n".repeat(12);
    const { before: nats, after } = model.learn(mine, { passes: 12, lr: 5e-3 });
    expect(after).toBeLessThan(nats / 3);
    expect(model.suggest("my cat is called ", 1)[0]!.word).toBe("mimi");
    const { heap } = model.engine.memory.usage;
    model.learn("and more\n", { passes: 1 });
    const twice = bytes();
    model.rollback();
    model.learn("and more\n", { passes: 1 }); // nothing of the call before is left in it
    expect(bytes()).toEqual(twice);
    expect(model.engine.memory.usage.heap - heap).toBeLessThan(10_000); // carried states; an optimizer's would be two copies of the weights
    expect(model.learnt).toBe(2);
    model.rollback({ all: true });
    expect(bytes()).toEqual(before);
    expect(() => model.rollback()).toThrow("rollback: nothing has been learnt");
    expect(() => model.learn("")).toThrow("learn: the text has no two tokens");
    expect(bytes()).toEqual(before);
  });

  test("saved and loaded is the same model; what is no language model is refused by name", () => {
    const file = model.toFile("test");
    const bytes = encodeModel(file);
    const again = load(bytes, "m.safetensors", engine());
    expect(encodeModel(again.toFile("test"))).toEqual(bytes);
    expect(again.session().write({ length: 30, seed: 1 }).text).toBe(model.session().write({ length: 30, seed: 1 }).text);
    const change = (f: (file: ModelFile) => object) => () => load(encodeModel({ ...file, ...f(structuredClone(file)) }), "m", engine());
    const network = model.config.network;
    expect(change(() => ({ task: "forecast" }))).toThrow('m: a model for the task "forecast", expected "language"');
    for (const [key, value] of [["vocabulary", 7], ["hidden", 0], ["hidden", 1e6], ["layers", 1e5], ["embedding", "8"], ["cell", "cnn"], ["tied", 1], ["adaptive", [3, 2]], ["dropout", 1]] as const) {
      expect(change(() => ({ config: { ...model.config, network: { ...network, [key]: value } } })), key).toThrow(/^m: config\.network/);
    }
    expect(change(() => ({ config: { ...model.config, mark: 1000 } }))).toThrow("m: config.mark is 1000");
    expect(change(() => ({ config: { ...model.config, dialogue: { you: "" } } }))).toThrow("m: config.dialogue");
    expect(change(() => ({ preprocessing: {} }))).toThrow(/^m: tokenizer/);
  });

  test("unknown characters of a prompt are read as one unknown token, counted, and never written", () => {
    const session = model.session();
    expect(session.feed("the Ω ∆")).toEqual({ tokens: 7, unknown: 2 });
    expect(session.write({ length: 100, temperature: 5, seed: 2 }).text).toHaveLength(100);
  });
});

test("interrupted and resumed gives the same bytes as never stopped", async () => {
  const options = { ...tiny, epochs: 4, dropout: 0.2, variational: true, recurrentDropout: 0.1, embeddingDropout: 0.1 };
  const files: ModelFile[] = [];
  const whole = await learn(poem.repeat(30), options, { checkpoint: (file: ModelFile) => void files.push(file) });
  const resume = decodeModel(encodeModel(files[1]!), "c.ckpt");
  const resumed = await learn(poem.repeat(30), {}, { resume });
  expect(encodeModel(resumed.model.toFile("t"))).toEqual(encodeModel(whole.model.toFile("t")));
  await expect(learn(poem.repeat(31), {}, { resume })).rejects.toThrow("the checkpoint was made from other data");
});

test("lines that are items: learnt in any order, written one by one, each from the start", async () => {
  const names = ["anna", "hanna", "joanna", "susanna", "rosanna", "brianna", "marianna", "arianna"];
  const text = `${Array.from({ length: 40 }, (_, i) => names[i % names.length]).join("\n")}\n`;
  const { model, report } = await learn(text, { hidden: 24, layers: 1, epochs: 60, lr: 1e-2, batch: 16, dropout: 0, split: { by: "counts", train: 30, valid: 5, test: 5 } });
  expect(report.plan.lines).toBe(true);
  expect(report.notes[0]).toMatch(/^nearly every line is one word/);
  expect(report.test!.nats).toBeLessThan(0.6);
  const session = model.session();
  const { text: three, ended } = session.write({ lines: 3, temperature: 0.3, length: 100 });
  expect(ended).toBe("lines");
  expect(three.split("\n")).toHaveLength(3);
  for (const line of three.split("\n")) expect(line).toMatch(/anna$/);
  // After a line the next begins as the first did.
  expect(session.logProbabilities()).toEqual(model.session().logProbabilities());
  // Known by definition: the score of the lines is the sum over each line with its end.
  const alone = ["anna", "rosanna"].map((name) => model.evaluate(`${name}\n`));
  const both = model.evaluate("anna\nrosanna\n");
  expect(both.tokens).toBe(13);
  expect(both.nats * 13).toBeCloseTo(alone[0]!.nats * 5 + alone[1]!.nats * 8, 4);
  // Empty lines, spaces around items and a missing last line end are no letters: characters, words and baselines count the same items.
  const loose = "anna\n\n  rosanna ";
  expect(model.evaluate(loose)).toEqual(both);
  const tested = await learn({ train: { name: "names", text }, test: { name: "loose", text: loose } }, { hidden: 8, epochs: 1, batch: 16 });
  expect(tested.report.test).toMatchObject({ tokens: 13, characters: 13, words: 4 });
  for (const baseline of Object.values(tested.report.baselines)) expect(baseline).toMatchObject({ tokens: 13, characters: 13, words: 4 });
});

test("words, byte pairs and bytes are learnt too; a tied output has no weights of its own", async () => {
  for (const tokens of ["word", "bpe:300", "byte"]) {
    const { model, report } = await learn(poem.repeat(40), { ...tiny, epochs: 15, tokens, batch: 4, chunk: 20, embedding: 24, tied: tokens === "word" });
    expect(report.test!.nats, tokens).toBeLessThan(0.2);
    expect(model.suggest("the quick ", 1)[0]!.word, tokens).toBe("brown");
    expect(model.suggest("the quick bro", 1)[0]!.word, tokens).toBe("brown");
    expect(model.params.has("output.weight")).toBe(tokens !== "word");
    const again = load(encodeModel(model.toFile("t")), "m", engine());
    expect(again.evaluate(poem).nats, tokens).toBeCloseTo(model.evaluate(poem).nats, 12);
  }
});

test("adaptive softmax: rare words cost less, are learnt all the same, and a session says what evaluate counts", async () => {
  const { model } = await learn(poem.repeat(40), { ...tiny, epochs: 20, tokens: "word", batch: 4, chunk: 20, adaptive: [6, 11] });
  expect([...model.params.keys()]).toContain("output.tails.1.down.weight");
  const session = model.session();
  session.feed("the quick");
  expect(session.write({ length: 4, temperature: 0 }).text).toBe(" brown fox jumps over");
  expect(session.write({ length: 2, temperature: 0 }).text).toBe(" the lazy");
  expect(beamSearch(model, "the quick", { width: 2, length: 2 })[0]!.text).toBe(" brown fox");
  expect(model.suggest("the quick ", 1)[0]!.word).toBe("brown");
  const step = model.session();
  let nats = 0;
  for (const id of model.tokenizer.encode("the lazy dog")) {
    nats -= step.logProbabilities()[id]!;
    step.feed(model.tokenizer.token(id));
  }
  const scores = model.evaluate("the lazy dog");
  expect(scores.nats * scores.tokens).toBeCloseTo(nats, 3);
  const again = load(encodeModel(model.toFile("t")), "m", engine());
  expect(again.evaluate(poem).nats).toBeCloseTo(model.evaluate(poem).nats, 12);
  await expect(learn(poem.repeat(40), { ...tiny, tokens: "word", adaptive: [6], tied: true })).rejects.toThrow("language: outputs are tied and adaptive");
});

test("a dialogue is answered; undo, fork and reset", async () => {
  const turns = [["hello", "hi there"], ["who are you", "a small network"], ["bye", "see you"]] as const;
  const lines = Array.from({ length: 120 }, (_, i) => turns[(i * 7 + (i >> 2)) % 3]!).map(([you, me]) => `> ${you}\n< ${me}\n`);
  const { model } = await learn(lines.join(""), { ...tiny, hidden: 48, epochs: 12 });
  expect(model.config.dialogue).toEqual({ you: "> ", me: "< " });
  const chat = Chat.open(model);
  const say = (c: Chat, line: string) => [...c.say(line, { temperature: 0 })].join("");
  expect(say(chat, "hello")).toBe("hi there");
  const at = chat.snapshot();
  const other = chat.fork();
  expect(say(chat, "who are you")).toBe("a small network");
  expect(chat.turns).toBe(2);
  const strange = other.fork().say("who ☃ are ☃ you");
  let last = strange.next();
  while (!last.done) last = strange.next();
  expect(last.value.unknown).toBe(2);
  expect(chat.undo()).toBe(true);
  expect(chat.snapshot()).toEqual(at);
  expect(other.snapshot()).toEqual(at);
  expect(say(other, "bye")).toBe("see you");
  chat.reset();
  expect(chat.undo()).toBe(false);
  expect(() => Chat.open(load(encodeModel({ ...model.toFile("t"), config: { ...model.config, dialogue: null } as never }), "m", engine()))).toThrow("chat: the model has learnt no dialogue");
});

test("texts that nothing can be learnt from are refused with what is due", async () => {
  await expect(learn("  \n", tiny)).rejects.toThrow("poem.txt: there is no text");
  await expect(learn("abc", { ...tiny, batch: 8 })).rejects.toThrow(/the training part has \d+ tokens, expected at least 9 for 8 streams/);
  await expect(learn(poem, { ...tiny, split: { by: "counts", train: 100, valid: 0, test: 0 } })).rejects.toThrow("it has 80 characters, expected at least 100");
  await expect(learn(poem.repeat(9), { ...tiny, hidden: 0 })).rejects.toThrow("language: hidden is 0");
  await expect(learn(poem.repeat(9), { ...tiny, batch: 50_000, chunk: 50_000 })).rejects.toThrow(/^language: training with 50000 streams of 50000 steps.* takes about 5\.20 TB .*, expected at most 4\.00 GB/);
});
