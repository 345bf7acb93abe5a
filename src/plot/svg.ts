/**
 * @file The frame all SVG plots share: one self-contained file without scripts, ids, fonts or links, in light and dark.
 * Colours are classes, not CSS variables, because converters and older viewers know no variables.
 */

/** Names of the line and fill classes in the style sheet. */
export type Ink = "history" | "forecast" | "truth" | "baseline" | "other";

const light = {
  paper: "#ffffff",
  ink: "#1b1f24",
  muted: "#646d77",
  grid: "#e8ebee",
  history: "#56616c",
  forecast: "#1668dc",
  truth: "#e0570b",
  baseline: "#0b8a66",
  other: "#8a4fd3",
};
const dark: typeof light = {
  paper: "#0d1117",
  ink: "#e6edf3",
  muted: "#8d96a0",
  grid: "#252b33",
  history: "#a3adb8",
  forecast: "#58a6ff",
  truth: "#ff9d5c",
  baseline: "#3ccb9b",
  other: "#c297ff",
};

/** Rules that depend on the colours; written once for light and once inside the media query for dark. */
const colours = (c: typeof light): string =>
  [
    `.paper{fill:${c.paper}}.ink{fill:${c.ink}}.muted{fill:${c.muted}}.grid{stroke:${c.grid}}.zero,.split{stroke:${c.muted}}`,
    ...(["history", "forecast", "truth", "baseline", "other"] as const).map(
      (k) => `.l-${k}{stroke:${c[k]}}.f-${k}{fill:${c[k]}}`,
    ),
  ].join("");

const scoped = (rules: string): string => rules.replaceAll(/(^|[},])\./g, "$1.sluice-plot .");

const style = `<style>${scoped(
  ".t{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}.title{font-size:18px;font-weight:600}.name{font-size:13px;font-weight:600}" +
    ".line{fill:none;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}.bold{stroke-width:2.2}.fine{stroke-width:1}.dash{stroke-dasharray:5 4;stroke-linecap:butt}" +
    ".grid{stroke-width:1}.split{stroke-width:1;stroke-dasharray:2 3}.zero{stroke-width:1}",
)}${scoped(colours(light))}@media (prefers-color-scheme:dark){${scoped(colours(dark))}}</style>`;

/** Text as XML may hold it: five characters escaped, those that XML 1.0 forbids shown as �. */
export const escapeText = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\p{Surrogate}\ufffe\uffff]/gu, (c) => (c === "\t" || c === "\n" ? " " : "\ufffd"))
    .replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/**
 * About how wide `text` is in pixels at `size`; on the wide side of
 * the usual fonts, so that what is laid out by it never collides.
 */
export function textWidth(text: string, size = 12): number {
  let ems = 0;
  for (const c of text)
    ems += /[ilj.,:;'|! ]/.test(c)
      ? 0.34
      : /[mwMW@%–—]/.test(c)
        ? 0.95
        : /[A-Z]/.test(c)
          ? 0.72
          : (c.codePointAt(0) ?? 0) > 0x2e80
            ? 1.05
            : 0.6;
  return ems * size;
}

/** `text` cut with … to fit `width` pixels. */
export function fitText(text: string, width: number, size = 12): string {
  if (textWidth(text, size) <= width) return text;
  const letters = [...text];
  while (letters.length > 0 && textWidth(`${letters.join("")}…`, size) > width) letters.pop();
  return `${letters.join("").trimEnd()}…`;
}

/** A coordinate: at most one decimal. */
export const px = (n: number): string => String(Math.round(n * 10) / 10);

export interface TextOptions {
  anchor?: "start" | "middle" | "end";
  className?: string;
}

/** One text element with its baseline at `y`. */
export function label(x: number, y: number, text: string, { anchor = "start", className = "ink" }: TextOptions = {}): string {
  const at = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text class="t ${className}" x="${px(x)}" y="${px(y)}"${at}>${escapeText(text)}</text>`;
}

/** A straight line. */
export const rule = (x1: number, y1: number, x2: number, y2: number, className: string): string =>
  `<path class="${className}" d="M${px(x1)} ${px(y1)}L${px(x2)} ${px(y2)}"/>`;

/** An entry of a legend: a line, a dashed line, or a block of colour at some opacity. */
export interface LegendEntry {
  readonly text: string;
  readonly ink: Ink;
  readonly mark: "line" | "dash" | "block";
  readonly opacity?: number;
}

/** The legend in as many rows as it needs from `x`, `y` (top) to the right edge; returns it with its height in pixels. */
export function legend(entries: readonly LegendEntry[], x: number, y: number, right: number): [svg: string, height: number] {
  const parts: string[] = [];
  let [at, row] = [x, 0];
  for (const { text, ink, mark, opacity = 1 } of entries) {
    const shown = fitText(text, right - x - 26);
    const width = 24 + textWidth(shown) + 18;
    if (at > x && at + width - 18 > right) [at, row] = [x, row + 1];
    const middle = y + row * 20 + 10;
    if (mark === "block")
      parts.push(
        `<rect class="f-${ink}" fill-opacity="${opacity}" x="${px(at)}" y="${px(middle - 6)}" width="18" height="12" rx="2"/>`,
      );
    else parts.push(rule(at, middle, at + 18, middle, `line bold l-${ink}${mark === "dash" ? " dash" : ""}`));
    parts.push(label(at + 24, middle + 4, shown, { className: "muted" }));
    at += width;
  }
  return [parts.join(""), entries.length > 0 ? (row + 1) * 20 + 4 : 0];
}

/** How wide a picture is that has room for its title, within what is usual. */
export const headWidth = (title: string, x: number): number => Math.min(720, Math.max(360, textWidth(title, 20) + 2 * x));

/** Title and subtitle at the top left; returns them with the height they take. */
export function heading(title: string, subtitle: string | undefined, x: number, width: number): [svg: string, height: number] {
  const first = label(x, 32, fitText(title, width - 2 * x, 20), { className: "title ink" });
  if (!subtitle) return [first, 46];
  return [first + label(x, 52, fitText(subtitle, width - 2 * x), { className: "muted" }), 64];
}

/** The whole file. `title` is what a screen reader says. */
export const svgFile = (width: number, height: number, title: string, body: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" class="sluice-plot" viewBox="0 0 ${px(width)} ${px(height)}" width="${px(width)}" height="${px(height)}" role="img">` +
  `<title>${escapeText(title)}</title>${style}<rect class="paper" width="100%" height="100%"/>${body}</svg>\n`;
