/** @file The tasks of the command line: for each the files of its verbs, loaded only when called. Another task is another entry here. Node-only. */
import type { ModelAbout } from "./show-model.ts";
import type { Verb } from "./verbs.ts";

/** Verbs that take a model, each with its line in `sluice --help`: what they do, and which flags they have, is up to the model's task. */
export const modelVerbs = {
  evaluate: "score a model beside its baselines on other data",
  predict: "use a model: forecast, or classify",
  generate: "write on from a prompt, with a language model",
  chat: "talk to a language model in the terminal",
  suggest: "suggest next words, with a language model",
  translate: "translate text, with a translation model",
} as const;

export type ModelVerb = keyof typeof modelVerbs;

export interface TaskEntry {
  /** How its models are used, for who asked one for another task's verb. */
  use: string;
  train: { summary: string; load: () => Promise<Verb> };
  verbs: Partial<Record<ModelVerb, () => Promise<Verb>>>;
  /** What `inspect` says of its models. */
  inspect: () => Promise<ModelAbout>;
}

export const tasks: Readonly<Record<string, TaskEntry>> = {
  forecast: {
    use: "predict <model> <data>",
    train: { summary: "a forecaster of one or several columns of a table", load: () => import("./train-forecast.ts") },
    verbs: { evaluate: () => import("./evaluate-forecast.ts"), predict: () => import("./predict-forecast.ts") },
    inspect: () => import("./inspect-forecast.ts"),
  },
  language: {
    use: "generate <model> --prompt <text>",
    train: { summary: "a language model of a text, which writes on, chats and suggests", load: () => import("./train-language.ts") },
    verbs: {
      evaluate: () => import("./evaluate-language.ts"),
      generate: () => import("./generate.ts"),
      chat: () => import("./chat.ts"),
      suggest: () => import("./suggest.ts"),
    },
    inspect: () => import("./inspect-language.ts"),
  },
  classify: {
    use: "predict <model> --text <text>",
    train: { summary: "a classifier of texts, or of series", load: () => import("./train-classify.ts") },
    verbs: { evaluate: () => import("./evaluate-classify.ts"), predict: () => import("./predict-classify.ts") },
    inspect: () => import("./inspect-classify.ts"),
  },
  translate: {
    use: "translate <model> <text>",
    train: { summary: "a translator of pairs of texts: of languages, dates, spellings", load: () => import("./train-translate.ts") },
    verbs: { evaluate: () => import("./evaluate-translate.ts"), translate: () => import("./translate.ts") },
    inspect: () => import("./inspect-translate.ts"),
  },
};

/** The tasks that have a verb. */
export const tasksWith = (verb: ModelVerb): string[] => Object.keys(tasks).filter((name) => tasks[name]!.verbs[verb] !== undefined);
