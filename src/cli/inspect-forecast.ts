/** @file What `inspect` says of a forecaster. Node-only. */
import { list } from "./show.ts";
import { at, type ModelParts, word, words } from "./show-model.ts";

export const scores = { mse: "MSE", mae: "MAE" };

export function about({ config, preprocessing: p }: ModelParts): [string, string][] {
  const n = at(config, "network");
  const beside = [...words(at(p, "pastNames")), ...words(at(p, "futureNames")), ...words(at(p, "calendar"))];
  const steps = `${word(at(n, "horizon"))} × ${word(at(p, "freq", "name"))} ahead from the last ${word(at(n, "lookback"))}, season ${word(at(p, "season"))}`;
  const sizes = `hidden ${word(at(n, "hidden"))}, layers ${word(at(n, "layers"))}, dropout ${word(at(n, "dropout"))}`;
  return [
    ["task", `forecast of ${list(words(at(p, "targetNames")))}`],
    ["steps", steps],
    ["reads", beside.length > 0 ? `also ${list(beside, 12)}` : "the targets only"],
    ["network", `${word(at(n, "cell"))}, ${word(at(n, "model"))} model, ${sizes}, linear map ${word(at(n, "linear"))}`],
    ["output", `${word(at(config, "output", "kind"))} ${words(at(config, "output", "quantiles")).join(" ")}`.trim()],
    ["scaling", `${word(at(p, "scaler", "kind"))}, each window levelled by ${word(at(config, "norm"))}`],
  ];
}
