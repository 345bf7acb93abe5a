/**
 * @file From labelled texts to answers with reasons: makes up opinions (or reads your CSV), trains, scores beside the baselines,
 * answers a new text and says which words decided.
 *
 *     npm run example -- classify                            made-up opinions
 *     npm run example -- classify reviews.csv text label     your own file, its text and label columns
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Rng } from "sluice";
import { readTable } from "sluice/data";
import { encodeModel } from "sluice/formats";
import { confusionSvg } from "sluice/plot";
import { classify } from "sluice/tasks";

/** Opinions whose last word counts: "slow in the beginning, but witty in the end". Words and pairs of them don't tell; their order does. */
export function makeOpinions(count: number, seed = 1): classify.LabelledTexts {
  const rng = new Rng(seed);
  const one = (words: readonly string[]) => words[rng.below(words.length)]!;
  const kind = ["witty", "gorgeous", "moving", "clever"];
  const harsh = ["dull", "slow", "silly", "tiring"];
  const what = ["the film", "her book", "this play", "the new album"];
  const how = ["rather", "quite", "really", "somewhat"];
  const texts: string[] = [];
  const labels: string[][] = [];
  for (let i = 0; i < count; i++) {
    const good = i % 2 === 0;
    const [first, last] = good ? [one(harsh), one(kind)] : [one(kind), one(harsh)];
    texts.push(`${one(what)} was ${one(how)} ${first} in the beginning, but ${one(how)} ${last} in the end`);
    labels.push([good ? "liked" : "disliked"]);
  }
  return { kind: "text", source: "made-up opinions", texts, labels, notes: [] };
}

/** Trains on `data`, answers `text`; leaves model.safetensors, confusion.svg and why.html in `folder`. */
export async function trainAndExplain(data: classify.Labelled, text: string, options: classify.ClassifyOptions, folder: string) {
  const run = classify.train({ train: data }, options); // a tenth is held out for the test, every class in its share
  let next = await run.next();
  for (; !next.done; next = await run.next()) {
    const event = next.value;
    if (event.type === "plan") console.log(`${event.items.train} texts, classes ${event.classes.join(", ")}, ${event.parameters} parameters`);
    if (event.type === "epoch") console.log(`epoch ${event.epoch}  train ${event.trainLoss.toFixed(4)}  valid ${event.validLoss?.toFixed(4)}`);
    if (event.type === "report") console.log(event.report.verdict.text);
  }
  const { model, report } = next.value;

  const [answer] = model.predictTexts([text]);
  const explanation = classify.explain(model, text);
  console.log(`"${text}": ${answer!.labels.join(", ")}, ${(100 * answer!.probability).toFixed(1)}%`);
  console.log(classify.explanationText(explanation, { colour: process.stdout.isTTY }));

  mkdirSync(folder, { recursive: true });
  const path = (name: string) => join(folder, name);
  writeFileSync(path("model.safetensors"), encodeModel(model.toFile("examples/classify")));
  const { confusion, classes } = report.test!;
  writeFileSync(path("confusion.svg"), confusionSvg({ title: "Which class is taken for which", classes: classes.map((c) => c.name), counts: confusion! }));
  writeFileSync(path("why.html"), classify.explanationHtml([explanation]));
  return { report, answer: answer!, explanation, model: path("model.safetensors") };
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const [file, text = "text", label = "label"] = process.argv.slice(2);
  const data = file === undefined ? makeOpinions(800) : classify.textsOfTable(await readTable(file, { text: [text, label] }), { text: [text], label });
  const asked = file === undefined ? "her book was rather dull in the beginning, but really moving in the end" : data.texts[0]!;
  await trainAndExplain(data, asked, file === undefined ? { hidden: 32, embedding: 32, gramBuckets: 1024, lr: 0.005 } : {}, "bench/out/example-classify");
}
