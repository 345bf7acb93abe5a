/**
 * @file Losses, each to one number. `weight` counts an element more or less; 0 leaves it out, whatever it holds (padding, missing
 * values). `reduction: "mean"` divides by the sum of the weights, `"sum"` doesn't; nothing to count gives 0. Sums are float64.
 */
import { SluiceError } from "../base/errors.ts";
import { defineOp } from "../engine/op.ts";
import { isMean } from "./reduction.ts";

const options = { reduction: "mean" };
const tryOptions = [{ reduction: "sum" }];
const sizes = [{ N: 1 }, { N: 7 }];

/** @throws range: `value` is not above 0 */
function checkAbove0(where: string, value: number): void {
  if (!(value > 0)) throw new SluiceError("range", `${where} is ${value}, expected a number above 0`, { value });
}
/** @throws range: `value` is below 0 or no number */
function checkFrom0(where: string, value: number): void {
  if (!(value >= 0)) throw new SluiceError("range", `${where} is ${value}, expected a number from 0`, { value });
}

export const mse = /* @__PURE__ */ defineOp({
  name: "mse",
  doc: "Mean squared error. y = mean (pred − target)²",
  inputs: { pred: "...", target: "const ...", weight: "const ... ?" },
  outputs: { y: "1" },
  saved: { divisor: "1" },
  options,
  forward: (k, p, { N }, o) => k.mse_forward(p.y, p.divisor, p.pred, p.target, p.weight, N, isMean(o)),
  backward: (k, p, { N }) => k.mse_backward(p.dpred, p.dy, p.divisor, p.pred, p.target, p.weight, N),
  try: sizes,
  tryOptions,
});

export const mae = /* @__PURE__ */ defineOp({
  name: "mae",
  doc: "Mean absolute error; its slope is 0 where pred = target. y = mean |pred − target|",
  inputs: { pred: "...", target: "const ...", weight: "const ... ?" },
  outputs: { y: "1" },
  saved: { divisor: "1" },
  options,
  forward: (k, p, { N }, o) => k.mae_forward(p.y, p.divisor, p.pred, p.target, p.weight, N, isMean(o)),
  backward: (k, p, { N }) => k.mae_backward(p.dpred, p.dy, p.divisor, p.pred, p.target, p.weight, N),
  try: sizes,
  tryOptions,
});

export const huber = /* @__PURE__ */ defineOp({
  name: "huber",
  doc: `Squared error near 0, absolute error beyond delta.
    y = mean (½ d² if |d| ≤ delta, else delta·(|d| − ½ delta)), d = pred − target`,
  source: "Huber 1964; scaled as PyTorch's huber_loss",
  inputs: { pred: "...", target: "const ...", weight: "const ... ?" },
  outputs: { y: "1" },
  saved: { divisor: "1" },
  options: { ...options, delta: 1 },
  check: (_n, { delta }) => checkAbove0("huber: delta", delta),
  forward: (k, p, { N }, o) => k.huber_forward(p.y, p.divisor, p.pred, p.target, p.weight, N, isMean(o), o.delta),
  backward: (k, p, { N }, { delta }) => k.huber_backward(p.dpred, p.dy, p.divisor, p.pred, p.target, p.weight, N, delta),
  try: sizes,
  tryOptions: [...tryOptions, { delta: 0.25 }],
});

export const quantile = /* @__PURE__ */ defineOp({
  name: "quantile",
  doc: `Pinball loss of Q quantile forecasts, the mean over them; its slope is 0 where pred = target.
    y = mean max(q·d, (q − 1)·d), d = target − pred[…, q]`,
  source: "Koenker and Bassett 1978",
  inputs: { pred: "... Q", target: "const ...", quantiles: "const Q", weight: "const ... ?" },
  outputs: { y: "1" },
  saved: { divisor: "1" },
  options,
  forward: (k, p, { N, Q }, o) => k.quantile_forward(p.y, p.divisor, p.pred, p.target, p.quantiles, p.weight, N, Q, isMean(o)),
  backward: (k, p, { N, Q }) => k.quantile_backward(p.dpred, p.dy, p.divisor, p.pred, p.target, p.quantiles, p.weight, N, Q),
  try: [
    { N: 1, Q: 1 },
    { N: 5, Q: 3 },
  ],
  tryOptions,
});

export const gaussianNll = /* @__PURE__ */ defineOp({
  name: "gaussianNll",
  doc: `Negative log likelihood of a normal distribution; pred is its mean and a raw number for its deviation.
    y = mean (ln s + ½ ((target − pred₀) / s)² + ½ ln 2π), s = softplus(pred₁) + minScale`,
  inputs: { pred: "... 2", target: "const ...", weight: "const ... ?" },
  outputs: { y: "1" },
  saved: { divisor: "1" },
  options: { ...options, minScale: 1e-4 },
  check: (_n, { minScale }) => checkFrom0("gaussianNll: minScale", minScale),
  forward: (k, p, { N }, o) => k.gaussian_nll_forward(p.y, p.divisor, p.pred, p.target, p.weight, N, isMean(o), o.minScale),
  backward: (k, p, { N }, { minScale }) =>
    k.gaussian_nll_backward(p.dpred, p.dy, p.divisor, p.pred, p.target, p.weight, N, minScale),
  try: sizes,
  tryOptions,
});

export const studentTNll = /* @__PURE__ */ defineOp({
  name: "studentTNll",
  doc: `Negative log likelihood of Student's t distribution, which outliers pull less than the normal one.
    pred is its location and raw numbers for its scale and its degrees of freedom.
    y = mean (½ ln(πv) + ln s + ln Γ(v/2) − ln Γ((v+1)/2) + ½ (v+1) ln(1 + z²/v))
    z = (target − pred₀) / s, s = softplus(pred₁) + minScale, v = 2 + softplus(pred₂)`,
  source: "output distribution of DeepAR: Salinas et al. 2017, arXiv:1704.04110",
  inputs: { pred: "... 3", target: "const ...", weight: "const ... ?" },
  outputs: { y: "1" },
  saved: { divisor: "1" },
  options: { ...options, minScale: 1e-4 },
  check: (_n, { minScale }) => checkFrom0("studentTNll: minScale", minScale),
  forward: (k, p, { N }, o) => k.student_t_nll_forward(p.y, p.divisor, p.pred, p.target, p.weight, N, isMean(o), o.minScale),
  backward: (k, p, { N }, { minScale }) =>
    k.student_t_nll_backward(p.dpred, p.dy, p.divisor, p.pred, p.target, p.weight, N, minScale),
  try: sizes,
  tryOptions,
});

export const bceWithLogits = /* @__PURE__ */ defineOp({
  name: "bceWithLogits",
  doc: `Binary cross entropy of independent yes/no answers; target is 0 to 1, \`positive\` multiplies the yes side of each
    class (pos_weight).
    y = −mean (positive·target·ln σ(logits) + (1 − target)·ln(1 − σ(logits)))`,
  inputs: { logits: "... C", target: "const ... C", positive: "const C ?", weight: "const ... C ?" },
  outputs: { y: "1" },
  saved: { divisor: "1" },
  options,
  forward: (k, p, { N, C }, o) =>
    k.bce_with_logits_forward(p.y, p.divisor, p.logits, p.target, p.positive, p.weight, N, C, isMean(o)),
  backward: (k, p, { N, C }) =>
    k.bce_with_logits_backward(p.dlogits, p.dy, p.divisor, p.logits, p.target, p.positive, p.weight, N, C),
  try: [
    { N: 1, C: 1 },
    { N: 3, C: 2 },
  ],
  tryOptions,
});

export const crossEntropy = /* @__PURE__ */ defineOp({
  name: "crossEntropy",
  doc: `Cross entropy of one class out of V. A target of \`ignoreIndex\` is left out; labelSmoothing s moves that share of the truth
    to all classes alike; the mean divides by the sum of weight·classWeight[target], as in PyTorch.
    y = −mean ((1 − s)·classWeight[t]·ln p[t] + s/V·Σ_c classWeight[c]·ln p[c]), p = softmax(logits), t = target`,
  source: "label smoothing: Szegedy et al. 2015, arXiv:1512.00567",
  inputs: { logits: "... V", target: "int ...", classWeight: "const V ?", weight: "const ... ?" },
  outputs: { y: "1" },
  saved: { divisor: "1", normal: "..." },
  options: { ...options, labelSmoothing: 0, ignoreIndex: -100 },
  check: (_n, { labelSmoothing: s }) => {
    if (!(s >= 0 && s <= 1))
      throw new SluiceError("range", `crossEntropy: labelSmoothing is ${s}, expected a share from 0 to 1`, { labelSmoothing: s });
  },
  forward: (k, p, { N, V }, o) => {
    const bad = k.cross_entropy_forward(
      p.y,
      p.divisor,
      p.normal,
      p.logits,
      p.target,
      p.classWeight,
      p.weight,
      N,
      V,
      isMean(o),
      o.labelSmoothing,
      o.ignoreIndex,
    );
    if (bad < 0) return;
    const id = k.int_at(p.target, bad);
    throw new SluiceError(
      "range",
      `crossEntropy: target is ${id} at place ${bad}, expected 0 to ${V - 1} or ${o.ignoreIndex} (ignored); V is ${V} (from logits)`,
      { op: "crossEntropy", target: id, place: bad, V },
    );
  },
  backward: (k, p, { N, V }, o) =>
    k.cross_entropy_backward(
      p.dlogits,
      p.dy,
      p.divisor,
      p.normal,
      p.logits,
      p.target,
      p.classWeight,
      p.weight,
      N,
      V,
      o.labelSmoothing,
      o.ignoreIndex,
    ),
  try: [
    { N: 1, V: 2 },
    { N: 5, V: 3 },
  ],
  tryOptions: [...tryOptions, { labelSmoothing: 0.25 }, { ignoreIndex: 1 }],
});
