/** @file Truth: the full softmax, which a sample of everything is; shares counted over many draws against the probability they are corrected by. */
import { expect, test } from "vitest";
import { Rng } from "../../base/random.ts";
import { createEngine } from "../../engine/index.ts";
import { Init } from "../../nn/init.ts";
import { languageLoss } from "./loss.ts";
import { LanguageNetwork, type Output } from "./network.ts";
import { CandidateSampler, sampledLoss } from "./sampled.ts";

const V = 40;
const counts = Array.from({ length: V }, (_, i) => Math.round(1000 / (i + 1)));

test("with every token drawn it is the full loss, and so is its gradient", () => {
  const engine = createEngine({ backend: "wasm", threads: 1 });
  const config = { vocabulary: V, embedding: 6, cell: "gru" as const, hidden: 6, layers: 1, tied: true, adaptive: [], dropout: 0, inputDropout: 0, variational: false, embeddingDropout: 0, recurrentDropout: 0 };
  const network = new LanguageNetwork(config, new Init(engine, new Rng(1)));
  const rng = new Rng(2);
  const ids = Int32Array.from({ length: 12 }, () => rng.below(V));
  const weight = network.embedding.weight;
  const run = (sampled: boolean) =>
    engine.scope(() => {
      weight.grad?.fill(0);
      const loss = engine.record(() => {
        const { x } = network.read(engine.ints([4, 3], ids));
        return sampled ? sampledLoss(network.output as Output, x, ids, new CandidateSampler(counts, V), rng) : languageLoss(network, x, engine.ints([4, 3], ids));
      });
      const value = loss.item();
      engine.backward(loss);
      return [value, ...weight.grad!];
    });
  const [full, sampled] = [run(false), run(true)];
  for (const [i, v] of full.entries()) expect(sampled[i]).toBeCloseTo(v, 5);
});

test("targets are always candidates, and each token is one as often as its correction says", () => {
  const sampler = new CandidateSampler(counts, 12);
  const total = counts.reduce((a, b) => a + b, 0);
  const rng = new Rng(5);
  const N = 6;
  const seen = new Float64Array(V);
  const said = new Float64Array(V);
  const rounds = 4000;
  for (let r = 0; r < rounds; r++) {
    const targets = Int32Array.from({ length: N }, () => {
      let left = rng.uniform() * total;
      return Math.max(0, counts.findIndex((n) => (left -= n) < 0));
    });
    const drawn = sampler.draw(targets, rng);
    expect(drawn.targets.map((place) => drawn.ids[place]!)).toEqual(targets);
    for (const [i, id] of drawn.ids.entries()) {
      seen[id]! += 1 / rounds;
      said[id] = Math.exp(-drawn.correction[i]!);
    }
  }
  for (let id = 0; id < V; id++) expect(Math.abs(seen[id]! - said[id]!), `token ${id}`).toBeLessThan(0.03);
});

test("a vocabulary of hundreds of thousands of tokens is sampled too", () => {
  const { ids, targets } = new CandidateSampler(new Int32Array(200_000).fill(1), 50).draw(Int32Array.of(7, 199_999, 7), new Rng(1));
  expect(Array.from(targets, (place) => ids[place])).toEqual([7, 199_999, 7]);
  expect(ids.length).toBeLessThan(120);
});
