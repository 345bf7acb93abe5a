/** @file How finished translations are ranked: longer ones are less likely word for word, and ones that leave out parts of the source likelier. Runs in browsers. */
import { SluiceError } from "../../base/errors.ts";

/** How hypotheses are found and ranked. */
export interface SearchOptions {
  /** Hypotheses followed side by side; 1 is greedy. Default 5. */
  beam?: number;
  /** α: how much longer translations are favoured; 0 ranks by log probability alone. Default 0.6. */
  lengthPenalty?: number;
  /** `wu`: divide by ((5 + n)/6)^α (Wu et al. 2016, arXiv:1609.08144, equation 14); `simple`: by n^α. Default wu. */
  lengthForm?: "wu" | "simple";
  /** β ≥ 0: how much it costs to leave parts of the source unread (the same paper); needs attention. Default 0. */
  coveragePenalty?: number;
}

/** `SearchOptions` with every choice made. */
export type Search = Required<SearchOptions>;

/** More hypotheses than this are a mistake. */
const mostBeams = 256;

/** @throws range: an option outside its limits */
export function searchOf({ beam = 5, lengthPenalty = 0.6, lengthForm = "wu", coveragePenalty = 0 }: SearchOptions): Search {
  const refuse = (name: string, got: unknown, due: string) => new SluiceError("range", `translate: ${name} is ${String(got)}, expected ${due}`, { [name]: got });
  if (!(Number.isInteger(beam) && beam >= 1 && beam <= mostBeams)) throw refuse("beam", beam, `a whole number from 1 to ${mostBeams}`);
  for (const [name, value] of Object.entries({ lengthPenalty, coveragePenalty })) if (!(value >= 0 && value <= 10)) throw refuse(name, value, "a number from 0 to 10");
  if (lengthForm !== "wu" && lengthForm !== "simple") throw refuse("lengthForm", lengthForm, "wu or simple");
  return { beam, lengthPenalty, lengthForm, coveragePenalty };
}

/**
 * The score that hypotheses are ranked by; higher is better.
 * @param logProbability of all its tokens together, ≤ 0
 * @param length tokens, the end mark included
 * @param coverage sum of the attention to each source token, or null without attention
 */
export function rankScore({ lengthPenalty, lengthForm, coveragePenalty }: Search, logProbability: number, length: number, coverage: ArrayLike<number> | null): number {
  const divisor = lengthForm === "wu" ? ((5 + length) / 6) ** lengthPenalty : Math.max(1, length) ** lengthPenalty;
  let unread = 0;
  if (coverage && coveragePenalty > 0) for (let s = 0; s < coverage.length; s++) unread += Math.log(Math.max(1e-10, Math.min(1, coverage[s]!)));
  return logProbability / divisor + coveragePenalty * unread;
}
