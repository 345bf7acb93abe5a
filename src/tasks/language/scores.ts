/** @file A language model's figures: nats per token, bits per character, perplexity. Runs in browsers. */

/** JSON. */
export interface LanguageScores {
  /** Nats per token, line ends counted. */
  nats: number;
  /** e to the nats per token. */
  perplexity: number;
  /** Bits per character (code point) of the text. */
  bitsPerCharacter: number;
  /** The same total as perplexity per word, line ends counted as words: comparable between kinds of tokens. */
  perplexityPerWord: number;
  tokens: number;
  characters: number;
  words: number;
}

/** Characters and words of a text; a line's end is one of both. */
export function countText(text: string): { characters: number; words: number } {
  let characters = 0;
  for (const _ of text) characters++;
  let words = 0;
  for (const _ of text.matchAll(/\S+|\n/gu)) words++;
  return { characters, words };
}

/** @param total nats of all `tokens` together */
export function scoresOf(total: number, tokens: number, text: string): LanguageScores {
  const { characters, words } = countText(text);
  return {
    nats: total / tokens,
    perplexity: Math.exp(total / tokens),
    bitsPerCharacter: total / Math.LN2 / characters,
    perplexityPerWord: Math.exp(total / words),
    ...{ tokens, characters, words },
  };
}
