/**
 * @file `npm run bench -- language --what names,shakespeare-3,shakespeare-20,ptb,speed`: language models on public texts beside the repository, each
 * trained once with a fixed seed within its time, and how fast one session writes. Due figures stand with each. Runs on the native backend where
 * there is one (SLUICE_BACKEND=wasm: what every machine has).
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { createEngine, Init, Rng } from "../src/index.ts";
import { encodeModel, writeAtomic } from "../src/formats/node.ts";
import { type LanguageOptions, type LanguageTexts, train } from "../src/tasks/language/index.ts";
import { LanguageModel } from "../src/tasks/language/model.ts";
import { trainTokenizer } from "../src/text/index.ts";
import { flags } from "./shared/flags.ts";

const { what, seed, minutes } = flags({ what: "names,shakespeare-3,shakespeare-20,ptb,speed", seed: 1, minutes: 0 });
const folder = join("..", "shared", "data", "language-modelling");

interface Case {
  files: { train: string; valid?: string; test?: string };
  options: LanguageOptions;
  /** Seconds that training may take. */
  seconds: number;
  due: { figure: "nats" | "perplexity"; most: number };
}

const cases: Record<string, Case> = {
  names: {
    files: { train: "names/names.txt" },
    options: { hidden: 192, layers: 1, embedding: 48, batch: 128, dropout: 0.25, inputDropout: 0.1, split: { by: "counts", train: 30_033, valid: 1000, test: 1000 } },
    seconds: 105,
    due: { figure: "nats", most: 1.95 },
  },
  "shakespeare-3": {
    files: { train: "tinyshakespeare/input.txt" },
    options: { hidden: 384, layers: 1, embedding: 96, batch: 32, chunk: 64, dropout: 0.1, lr: "cosine(5e-3, warmup=100)", split: { by: "fractions", train: 0.9, valid: 0, test: 0.1 } },
    seconds: 175,
    due: { figure: "nats", most: 1.6 },
  },
  "shakespeare-20": {
    files: { train: "tinyshakespeare/input.txt" },
    options: { hidden: 384, layers: 2, embedding: 96, batch: 32, chunk: 64, dropout: 0.3, inputDropout: 0.1, recurrentDropout: 0.1, lr: "cosine(4e-3, warmup=200)", ema: 0.995, split: { by: "fractions", train: 0.9, valid: 0, test: 0.1 } },
    seconds: 1140,
    due: { figure: "nats", most: 1.5 },
  },
  ptb: {
    files: { train: "ptb/ptb.train.txt", valid: "ptb/ptb.valid.txt", test: "ptb/ptb.test.txt" },
    options: { tokens: "word", words: "spaces", hidden: 640, layers: 1, batch: 32, chunk: 40, dropout: 0.5, inputDropout: 0.4, recurrentDropout: 0.25, embeddingDropout: 0.1, lr: "cosine(2e-3, warmup=400)", ema: 0.999 },
    seconds: 3300,
    due: { figure: "perplexity", most: 92 },
  },
};

function texts({ train: a, valid, test }: Case["files"]): LanguageTexts | null {
  const read = (name: string) => ({ name, text: readFileSync(join(folder, name), "utf8") });
  for (const name of [a, valid, test]) {
    if (name === undefined || existsSync(join(folder, name))) continue;
    console.log(`${name}: skipped, ${join(folder, name)} is not there`);
    return null;
  }
  return { train: read(a), valid: valid === undefined ? undefined : read(valid), test: test === undefined ? undefined : read(test) };
}

const load = () => `on ${availableParallelism()} cores; a load of ${loadavg()[0]!.toFixed(1)}`;

async function run(name: string, { files, options, seconds, due }: Case): Promise<void> {
  const all = texts(files);
  if (all === null) return;
  const timeLimit = minutes > 0 ? minutes * 60 : seconds;
  console.log(`${name}: ${JSON.stringify(options)}, ${timeLimit} s, seed ${seed}; ${load()}`);
  const cpu = process.cpuUsage();
  const began = performance.now();
  for await (const event of train(all, { ...options, timeLimit, seed })) {
    if (event.type === "step" && event.step % 200 === 0) console.log(`  ${((performance.now() - began) / 1000).toFixed(0)} s  step ${event.step}  loss ${event.loss.toFixed(4)}  ${Math.round(event.samplesPerSecond)} tokens/s`);
    if (event.type === "epoch") console.log(`  ${((performance.now() - began) / 1000).toFixed(0)} s  epoch ${event.epoch}  loss ${event.trainLoss.toFixed(4)}  valid ${event.validLoss?.toFixed(4) ?? "–"}`);
    if (event.type === "end") {
      const { user, system } = process.cpuUsage(cpu);
      console.log(`  trained for ${event.seconds.toFixed(0)} s, ${((user + system) / 1e6).toFixed(0)} s of processor time, ${event.epoch} epochs; ${load()}`);
    }
    if (event.type !== "report") continue;
    const { test, baselines, parameters, seconds: wall, backend } = event.report;
    const line = (who: string, s: NonNullable<typeof test>) => console.log(`  ${who.padEnd(21)} ${s.nats.toFixed(4)} nats/token  perplexity ${s.perplexity.toFixed(2)}  ${s.bitsPerCharacter.toFixed(3)} bits/character`);
    line("network", test!);
    for (const [who, s] of Object.entries(baselines)) line(who, s);
    const reached = test![due.figure] <= due.most;
    console.log(`  ${parameters} parameters, ${wall.toFixed(0)} s with scoring, ${backend}; due: ${due.figure} at most ${due.most}: ${reached ? "reached" : "NOT reached"}`);
    if (!reached) process.exitCode = 1;
    mkdirSync(join("bench", "out"), { recursive: true });
    writeAtomic(join("bench", "out", `${name}.safetensors`), encodeModel(event.model.toFile("bench")));
  }
}

/** Characters a second that one session writes: two layers of 256, weights as drawn, which costs what trained ones cost. */
function speed(): void {
  const engine = createEngine();
  const tokenizer = trainTokenizer("char", [Array.from({ length: 64 }, (_, i) => String.fromCharCode(i < 1 ? 10 : 31 + i)).join("")]);
  const network = { vocabulary: tokenizer.size, embedding: 64, cell: "gru" as const, hidden: 256, layers: 2, tied: false, adaptive: [], dropout: 0, inputDropout: 0, variational: false, embeddingDropout: 0, recurrentDropout: 0 };
  const model = new LanguageModel(engine, { network, items: false, mark: tokenizer.encode("\n")[0]!, dialogue: null }, tokenizer, new Init(engine, new Rng(seed)));
  for (const [weights, due] of [["f32", 28_000], ["int8", 60_000]] as const) {
    const session = model.session({ weights });
    session.write({ length: 5000, temperature: 0.8 });
    // Per second of processor time too: on a machine that others use, seconds on the wall are theirs as well.
    const rates = Array.from({ length: 9 }, () => {
      const [began, cpu] = [performance.now(), process.cpuUsage()];
      let characters = 0;
      for (const piece of session.generate({ length: 10_000, temperature: 0.8, seed })) characters += piece.length;
      const { user, system } = process.cpuUsage(cpu);
      return { wall: (characters / (performance.now() - began)) * 1e3, processor: (characters / (user + system)) * 1e6 };
    });
    const median = (key: "wall" | "processor") => rates.map((r) => r[key]).sort((x, y) => x - y)[4]!;
    const reached = median("processor") >= due;
    console.log(`speed ${weights}: ${Math.round(median("processor"))} characters a second of processor time, ${Math.round(median("wall"))} on the wall (medians of 9), ${engine.backend}; ${load()}; due: ${due}: ${reached ? "reached" : "NOT reached"}`);
    if (!reached) process.exitCode = 1;
  }
}

for (const name of what.split(",")) {
  if (name === "speed") speed();
  else if (cases[name]) await run(name, cases[name]);
  else throw new Error(`bench: --what has "${name}", expected ${[...Object.keys(cases), "speed"].join(", ")}`);
}
