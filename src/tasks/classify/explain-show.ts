/** @file An explanation as coloured text for a terminal and as one HTML file. Runs in browsers. */
import type { Explanation } from "./explain.ts";

/** No control characters: an escape sequence in a text would run in the terminal. */
const plain = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Surrogate}]/gu, "\ufffd");

const escapeHtml = (text: string): string => plain(text).replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const signed = (v: number): string => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(2)}`;

/** Each token's score as a share of the largest, −1 to 1. */
function strengths({ tokens }: Explanation): number[] {
  const most = Math.max(1e-9, ...tokens.map(({ score }) => Math.abs(score)));
  return tokens.map(({ score }) => score / most);
}

/** `positive 97.3%: +3.61 = −0.02 of no text, +3.63 of its tokens` */
function summary({ label, probability, logit, baseline, error }: Explanation): string {
  return `${plain(label)} ${(100 * probability).toFixed(1)}%: ${signed(logit)} = ${signed(baseline)} without the text, ${signed(logit - baseline - error)} by its tokens${Math.abs(error) >= 0.005 ? `, ${signed(error)} not told apart` : ""}`;
}

/** The tokens that did most, strongest first. */
const strongest = ({ tokens }: Explanation, count: number) => [...tokens].sort((a, b) => Math.abs(b.score) - Math.abs(a.score)).slice(0, count);

/**
 * The text with its tokens coloured, green for the class and red against it, brighter for more; under it the strongest.
 * @param options.colour without it, `[+word]` and `[-word]` mark what did at least a fifth of the most
 */
export function explanationText(explanation: Explanation, { colour = false, top = 8 } = {}): string {
  const shares = strengths(explanation);
  const words = explanation.tokens.map(({ token }, i) => {
    const share = shares[i]!;
    const word = plain(token);
    if (!colour) return Math.abs(share) < 0.2 ? word : `[${share > 0 ? "+" : "-"}${word}]`;
    const level = Math.min(4, Math.floor(Math.abs(share) * 5));
    if (level === 0) return word;
    // Steps of the 256-colour cube: dark to bright green (22…46) and red (52…196).
    return `\x1b[48;5;${share > 0 ? [22, 28, 34, 40][level - 1] : [52, 88, 124, 160][level - 1]}m${word}\x1b[0m`;
  });
  const best = strongest(explanation, top);
  const width = Math.max(...best.map(({ token }) => [...plain(token)].length));
  const { attention } = explanation;
  const rows = best.map((t) => {
    const seen = attention ? `, attention ${(100 * attention[explanation.tokens.indexOf(t)]!).toFixed(0)}%` : "";
    return `  ${plain(t.token).padEnd(width)}  ${signed(t.score)}  (recurrent ${signed(t.deep)}, linear ${signed(t.wide)}${seen})`;
  });
  return [summary(explanation), "", words.join(" "), "", ...rows].join("\n");
}

const style = `body{font:16px/1.9 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;margin:2rem auto;max-width:46rem;padding:0 1rem;color:#1b1f24;background:#fff}
p.s{color:#646d77;font-size:.9rem}span{border-radius:3px;padding:.1em .15em}
.a{border-bottom:2px solid #1668dc}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}p.s{color:#8d96a0}}`;

/** One HTML file without scripts or links: each explained text with its tokens coloured; the scores stand in their titles. */
export function explanationHtml(explanations: readonly Explanation[], title = "Why"): string {
  const one = (explanation: Explanation): string => {
    const shares = strengths(explanation);
    const { attention } = explanation;
    const most = attention ? Math.max(...attention) : 0;
    const words = explanation.tokens.map(({ token, score, deep, wide }, i) => {
      const share = shares[i]!;
      const ink = share > 0 ? "11,138,102" : "224,87,11";
      const looked = attention && attention[i]! > 0.5 * most ? ' class="a"' : "";
      const said = `${signed(score)}: recurrent ${signed(deep)}, linear ${signed(wide)}${attention ? `, attention ${(100 * attention[i]!).toFixed(0)}%` : ""}`;
      return `<span${looked} style="background:rgba(${ink},${(0.75 * Math.abs(share)).toFixed(2)})" title="${said}">${escapeHtml(token)}</span>`;
    });
    return `<section><p class="s">${escapeHtml(summary(explanation))}</p><p>${words.join(" ")}</p></section>`;
  };
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${style}</style><h1>${escapeHtml(title)}</h1>${explanations.map(one).join("")}<p class="s">Green speaks for the class, orange against it; in logits over the mean of the other classes.${explanations.some((e) => e.attention) ? " Underlined: where the attention is." : ""}</p></html>\n`;
}
