/**
 * @file brain.js: the equation of its GRU (reset before), run step by step as the library itself runs it, without the output layer that its
 * networks put behind. Batches of one; its training knows neither batches nor Adam.
 */
import { createRequire } from "node:module";
import { Cannot } from "./cannot.mjs";

const require = createRequire(import.meta.url);

export const describe = () => ({ name: "brain.js", version: require("brain.js/package.json").version });

export function prepare({ kind, cell, layers, form, L, B, I, H, values }, { threads }) {
  if (threads > 1) throw new Cannot("runs on one thread");
  if (cell !== "gru" || layers > 1) throw new Cannot("written out here for one GRU");
  if (form !== "before") throw new Cannot("its GRU has the reset-before form only");
  if (kind !== "step" && kind !== "forward") throw new Cannot("no training in batches");
  if (B !== 1) throw new Cannot("batches of one only");
  const GRU = require("brain.js/dist/recurrent/gru.js").default;
  const Matrix = require("brain.js/dist/recurrent/matrix/index.js").default;
  const Equation = require("brain.js/dist/recurrent/matrix/equation.js").default;

  const matrix = (rows, columns, from) => {
    const m = new Matrix(rows, columns);
    m.weights = Float32Array.from(from); // what the library itself uses: a Float32Array
    return m;
  };
  const gate = (g, name) => ({
    [`${name}InputMatrix`]: matrix(H, I, values.wx.subarray(g * H * I, (g + 1) * H * I)),
    [`${name}HiddenMatrix`]: matrix(H, H, values.wh.subarray(g * H * H, (g + 1) * H * H)),
    [`${name}Bias`]: matrix(H, 1, values.bx.subarray(g * H, (g + 1) * H)),
  });
  const layer = { ...gate(0, "resetGate"), ...gate(1, "updateGate"), ...gate(2, "cellWrite") };
  const equation = new Equation();
  const input = equation.input(new Matrix(I, 1));
  const state = new Matrix(H, 1);
  const output = GRU.prototype.getEquation(equation, input, state, layer);
  const reset = () => state.weights.fill(0);
  const step = (x) => {
    equation.runInput(x);
    state.weights.set(output.weights);
    return output.weights;
  };
  if (kind === "step") return { reset, step };
  const samples = Array.from({ length: L }, (_, t) => values.x.slice(t * I, (t + 1) * I));
  return {
    run() {
      reset();
      const y = new Float32Array(L * H);
      for (let t = 0; t < L; t++) y.set(step(samples[t]), t * H);
      return y;
    },
    read: (y) => ({ y }),
  };
}
