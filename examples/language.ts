/**
 * @file A language model of made-up weather reports: trained, it writes reports of its own, suggests the next word, carries on from any point
 * that was kept, and learns a new word from its user, which can be taken back.
 *
 *     npm run example -- language
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Rng } from "sluice";
import { encodeModel, writeAtomic } from "sluice/formats";
import { language } from "sluice/tasks";

/** Reports by a small grammar: what follows what is known, so that a model can be checked. */
export function makeReports(count: number, seed = 1): string {
  const rng = new Rng(seed);
  const one = (...words: string[]) => words[rng.below(words.length)]!;
  const report = () => {
    const sky = one("clear", "cloudy", "stormy");
    const then = { clear: "take a hat", cloudy: "take a coat", stormy: "stay at home" }[sky]!;
    return `in the ${one("north", "south", "west")} it is ${one("calm", "windy")} and ${sky}: ${then}.\n`;
  };
  return Array.from({ length: count }, report).join("");
}

export async function trainAndWrite(text: string, options: language.LanguageOptions, folder: string) {
  for await (const event of language.train({ train: { name: "reports", text } }, options)) {
    if (event.type === "epoch") console.log(`epoch ${event.epoch}  loss ${event.trainLoss.toFixed(3)}  valid ${event.validLoss?.toFixed(3)}`);
    if (event.type !== "report") continue;
    const { report, model } = event;
    console.log(report.verdict.text);
    const file = join(folder, "reports.safetensors");
    writeAtomic(file, encodeModel(model.toFile("example")));

    // A session is a text that goes on. What it has read and written is one small state: keep it, and go back to it.
    const session = model.session();
    session.feed("in the north it is windy and stormy");
    const here = session.snapshot();
    const written = session.write({ stop: "\n", seed: 1 }).text;
    session.rewind(here);
    const again = session.write({ stop: "\n", seed: 1 }).text;
    console.log(`in the north it is windy and stormy${written}`);

    // Next words, and endings of the word being typed.
    const next = model.suggest("in the west it is calm and clear: take a ");
    const ending = model.suggest("in the sou");
    console.log(`take a … ${next.map(({ word, probability }) => `${word} (${(100 * probability).toFixed(0)}%)`).join(", ")}; sou… ${ending[0]?.word}`);

    // Its user's own words are learnt here and now, and taken back to the last bit.
    model.learn("in the west it is calm and clear: take a kite.\n".repeat(8), { passes: 12 });
    const learnt = model.suggest("in the west it is calm and clear: take a ");
    model.rollback();
    console.log(`after learning: ${learnt[0]?.word}; taken back: ${model.suggest("in the west it is calm and clear: take a ")[0]?.word}`);
    return { report, model, file, written, again, next, ending, learnt };
  }
  throw new Error("a training ends in a report");
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const { file } = await trainAndWrite(makeReports(1500), { hidden: 64, layers: 1, epochs: 8, lr: "cosine(1e-2, warmup=20)" }, ".");
  console.log(`model: ${file}; try: npx sluice generate ${file} --prompt "in the west" --length 200`);
}
