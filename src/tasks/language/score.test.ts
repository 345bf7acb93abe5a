/** @file Truth: the text read in one go by one state, whatever the cell and wherever the parts' borders fall. */
import { expect, test } from "vitest";
import { Rng } from "../../base/random.ts";
import { createEngine } from "../../engine/index.ts";
import { Init } from "../../nn/init.ts";
import { StreamBatches } from "./batches.ts";
import { LanguageNetwork } from "./network.ts";
import { scoreBatches, scoreText } from "./score.ts";

test.each(["gru", "lstm", "rnn"] as const)("%s: a text scored in parts is the text scored in one, to the last token", (cell) => {
  const engine = createEngine({ backend: "wasm", threads: 1 });
  const config = { vocabulary: 11, embedding: 4, cell, hidden: 7, layers: 2, tied: false, adaptive: [], dropout: 0, inputDropout: 0, variational: false, embeddingDropout: 0, recurrentDropout: 0 };
  const network = new LanguageNetwork(config, new Init(engine, new Rng(3)));
  const rng = new Rng(4);
  for (const n of [2, 130, 8193, 16_391, 24_580]) {
    const ids = Int32Array.from({ length: n }, () => rng.below(11));
    const due = scoreBatches(network, new StreamBatches(ids, { streams: 1, chunk: 97, jitter: false }));
    const got = scoreText(network, ids);
    expect(got.tokens, `${n}`).toBe(n - 1);
    expect(got.nats / due.nats, `${n}`).toBeCloseTo(1, 6);
  }
});
