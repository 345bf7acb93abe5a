/** @file `sluice predict` with a classifier: classes of one text or of a file of items, and why. Node-only. */
import type { Command } from "commander";
import { SluiceError } from "../base/errors.ts";
import type { Column } from "../data/table.ts";
import type { Classifier, Prediction } from "../tasks/classify/classifier.ts";
import type { Explanation } from "../tasks/classify/explain.ts";
import { newCommand } from "./command.ts";
import { addGeneralFlags, type GeneralFlags } from "./flags.ts";
import { addItemFlags, type ItemFlags, readItems, rememberedFlags } from "./labelled.ts";
import { checkOutput } from "./paths.ts";
import type { Session } from "./session.ts";

interface Flags extends ItemFlags, GeneralFlags {
  text?: string;
  explain?: boolean;
  html?: string;
  probabilities?: boolean;
  out?: string;
}

const help = `
A file is read as the training file was, unless flags say otherwise; it needs no labels. The
CSV has the item's number, its label (several are joined by "|"), the probability of the most
likely class, and with --probabilities one column a class. Without --out it goes to stdout.
An empty text is answered too, by how frequent the classes were, and said. --explain says
which tokens decided: integrated gradients of the recurrent part and the linear part's own
sums, in logits; with --html as a page.

Examples:
  $ sluice predict clf.safetensors --text "a gorgeous, witty film"
  $ sluice predict clf.safetensors --text "a gorgeous, witty film" --explain --html why.html
  $ sluice predict clf.safetensors new.csv --out answers.csv
  $ sluice predict motions.safetensors walks.json --probabilities`;

export function command(session: Session): Command {
  const verb = newCommand("predict", "Classifies a text, or every item of a file, and says why.")
    .argument("<model>", "model file")
    .argument("[data]", "items to be classified, in a file like the training file")
    .option("--text <text>", "one text to be classified")
    .option("--explain", "say which tokens decided; of a file, for its first 20 texts")
    .optionsGroup("Where results go:")
    .option("--out <file.csv>", "the answers for a file; default: stdout")
    .option("--probabilities", "of every class")
    .option("--html <file.html>", "the explanations as a page");
  addItemFlags(verb, "--column");
  return addGeneralFlags(verb, "the answers; the CSV then needs --out")
    .addHelpText("after", help)
    .action((model: string, data: string | undefined, flags: Flags) => predictItems(model, data, flags, session));
}

/** Explanations of a file stop here: each takes as long as hundreds of answers. */
const MOST_EXPLAINED = 20;

async function predictItems(modelPath: string, path: string | undefined, flags: Flags, session: Session): Promise<void> {
  if ((path === undefined) === (flags.text === undefined)) {
    throw new SluiceError("usage", `predict: there is ${path === undefined ? "neither a text nor a file" : "both a text and a file"}, expected one: --text "…", or a file of items`);
  }
  const explain = (flags.explain ?? false) || flags.html !== undefined;
  const inputs = [modelPath, ...(path === undefined ? [] : [path])];
  for (const [flag, file] of [["--out", flags.out], ["--html", flags.html]] as const) if (file !== undefined) checkOutput(flag, file, inputs);
  if (flags.out !== undefined && flags.out === flags.html) throw new SluiceError("usage", `--html is ${flags.html}, as --out is, expected a name of its own`);
  const [{ openModel }, { machineEngine }, { Classifier }] = await Promise.all([import("./model-file.ts"), import("./engine.ts"), import("../tasks/classify/classifier.ts")]);
  const model = Classifier.fromFile(openModel(modelPath, "predict", "classify"), machineEngine(flags.threads), modelPath);
  const file = path === undefined ? null : await readItems(path, rememberedFlags(model.provenance["reading"], flags), "optional");
  const items = file === null ? null : (file.test ?? file.items);
  if (explain && items?.kind === "series") throw new SluiceError("usage", "--explain is given with series, expected texts; tokens are explained");
  for (const note of items?.notes ?? []) session.say(`note: ${note}`);
  const texts = items === null ? [flags.text!] : items.kind === "text" ? items.texts : null;
  const predictions = items?.kind === "series" ? model.predictSeries(items.channels, items.series) : model.predictTexts(texts!);
  const explanations = explain && texts ? await explained(model, texts, session) : [];
  await give(model, predictions, explanations, flags, items === null, session);
  session.result({
    ...{ task: "classify", model: modelPath, source: items?.source ?? null, out: flags.out ?? null },
    predictions: predictions.map(({ labels, probability, probabilities, notes }) => ({ labels, probability, probabilities: Object.fromEntries(model.classes.map((name, c) => [name, probabilities[c]!])), notes })),
    ...(explain ? { explanations } : {}),
  });
}

async function explained(model: Classifier, texts: readonly string[], session: Session): Promise<Explanation[]> {
  const { explainText } = await import("../tasks/classify/explain.ts");
  if (texts.length > MOST_EXPLAINED) session.say(`note: of ${texts.length} texts the first ${MOST_EXPLAINED} are explained`);
  return texts.slice(0, MOST_EXPLAINED).flatMap((text) => (/\S/u.test(text) ? [explainText(model, text)] : []));
}

/** Shows, prints or writes the answers. */
async function give(model: Classifier, predictions: readonly Prediction[], explanations: readonly Explanation[], flags: Flags, single: boolean, session: Session): Promise<void> {
  if (single) {
    const [p] = predictions as [Prediction];
    const rows = model.classes.map((name, c) => ({ name, share: p.probabilities[c]! })).sort((a, b) => b.share - a.share);
    const plain = (name: string) => name.replaceAll(/[\p{Cc}\p{Cf}]/gu, "\ufffd");
    session.show(rows.slice(0, 10).map(({ name, share }) => `${(100 * share).toFixed(1).padStart(5)}%  ${plain(name)}${p.labels.includes(name) ? "  ←" : ""}`).join("\n"));
    for (const note of p.notes) session.say(`note: ${note}`);
  }
  if (explanations.length > 0) {
    const { explanationText, explanationHtml } = await import("../tasks/classify/explain-show.ts");
    const colour = Boolean((session.json ? process.stderr : process.stdout).isTTY) && !process.env["NO_COLOR"];
    if (flags.explain) session.show(`${single ? "\n" : ""}${explanations.map((e) => explanationText(e, { colour })).join("\n\n")}`);
    if (flags.html !== undefined) {
      (await import("../formats/files.ts")).writeAtomic(flags.html, explanationHtml(explanations));
      session.say(`page  ${flags.html}`);
    }
  }
  if (single && flags.out === undefined) return;
  const [{ toCsv }, { writeAtomic }] = await Promise.all([import("../data/write.ts"), import("../formats/files.ts")]);
  const numbers = (name: string, of: (p: Prediction, i: number) => number): Column => ({ name, kind: "number", values: Float64Array.from(predictions, of) });
  const columns: Column[] = [
    numbers("item", (_, i) => i + 1),
    { name: "label", kind: "text", values: predictions.map((p) => p.labels.join("|")) },
    numbers("probability", (p) => rounded(p.probability)),
    ...(flags.probabilities ? model.classes.map((name, c) => numbers(`p(${name})`, (p) => rounded(p.probabilities[c]!))) : []),
  ];
  const csv = toCsv({ source: "answers", rows: predictions.length, columns, notes: [] });
  if (flags.out !== undefined) {
    writeAtomic(flags.out, [...csv].join(""));
    session.say(`answers  ${flags.out} (${predictions.length} rows)`);
  } else if (!session.json && !flags.explain) for (const text of csv) process.stdout.write(text);
  const noted = predictions.flatMap((p, i) => p.notes.map((note) => `item ${i + 1}: ${note}`));
  if (!single) for (const note of noted.slice(0, 10)) session.say(`note: ${note}`);
}

const rounded = (p: number): number => Number(p.toPrecision(6));
