/** @file Intervals that keep their word: how far the fan must be stretched for its levels to hold on windows that were not trained on. Runs in browsers. */
import { cutTruth } from "./evaluate.ts";
import type { Forecaster } from "./forecaster.ts";
import type { Prepared } from "./prepare.ts";


/** Truths that are looked at: more would say the same and take memory without end. */
const MOST = 4e6;
/** Levels stay apart, even where the windows happen to say that they should not. */
const LEAST = 0.05;

/**
 * Factors on the distance of each level from the median, such that over these windows a share q of the truths lies below level q.
 * A network that has seen its training windows too often is too sure of itself: its fan is then stretched, and its point stays.
 * @see Romano et al. 2019 (conformalized quantile regression), arXiv:1905.03222; here a factor instead of an offset, so that wide steps get wide corrections
 * @returns one factor a level; 1 at the median and where too few truths speak
 */
export function calibrate(model: Forecaster, data: Prepared, starts: Int32Array): number[] {
  const levels = model.config.output.quantiles;
  const ratios: number[][] = levels.map(() => []);
  const middle = levels.indexOf(0.5);
  const perWindow = model.horizon * model.config.network.targets;
  const step = Math.ceil((starts.length * perWindow) / MOST);
  const some = step > 1 ? starts.filter((_, i) => i % step === 0) : starts;
  for (const { first, count, forecast } of model.windows(data, some)) {
    const truth = cutTruth(data, some.subarray(first, first + count), model.lookback, model.horizon);
    for (let i = 0; i < truth.length; i++) {
      if (Number.isNaN(truth[i]!)) continue;
      const median = forecast.quantiles[i * levels.length + middle]!;
      for (const [q, list] of ratios.entries()) {
        const reach = forecast.quantiles[i * levels.length + q]! - median;
        if (reach !== 0) list.push((truth[i]! - median) / reach);
      }
    }
  }
  return levels.map((level, q) => {
    const list = ratios[q]!;
    const share = Math.max(level, 1 - level);
    // The rank that makes the promise hold on average for a new window; with fewer truths than that nothing can be promised.
    const rank = Math.ceil((list.length + 1) * share);
    if (q === middle || rank > list.length) return 1;
    return Math.max(LEAST, Float64Array.from(list).sort()[rank - 1]!);
  });
}
