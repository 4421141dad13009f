/** Vega-Lite specification in, SVG text out: in Node, with no canvas, no network and no script in the result. */
import type { TopLevelSpec } from "vega-lite";
import { escapeHtml } from "./escape.js";
import { checkSvg } from "./safe-svg.js";

/**
 * Colours that keep a contrast of 3:1 or more on white and on the dark page, told apart by the colour-blind
 * (Okabe and Ito 2008, darkened or lightened where the contrast asked for it).
 */
export const SERIES_COLORS = ["#2f7fd0", "#d9660a", "#0f9d76", "#c2569b", "#8a7a1f", "#7b61d1"] as const;

/** Axes and text take the colour of the text around the picture, so one SVG serves light and dark pages. */
const INK = "currentColor";

const CONFIG = {
  aria: false,
  background: "transparent",
  font: "system-ui, -apple-system, 'Segoe UI', sans-serif",
  view: { stroke: null },
  title: { color: INK, fontSize: 15, fontWeight: 600, anchor: "start", offset: 12 },
  axis: {
    labelColor: INK,
    titleColor: INK,
    domainColor: INK,
    tickColor: INK,
    gridColor: INK,
    domainOpacity: 0.4,
    tickOpacity: 0.4,
    gridOpacity: 0.12,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 500,
    titlePadding: 10,
    labelPadding: 6,
  },
  legend: {
    orient: "top",
    direction: "horizontal",
    title: null,
    labelColor: INK,
    labelFontSize: 12,
    labelLimit: 0,
    symbolStrokeWidth: 3,
    columnPadding: 18,
    offset: 10,
  },
  mark: { color: SERIES_COLORS[0] },
  range: { category: [...SERIES_COLORS] },
} as const satisfies NonNullable<TopLevelSpec["config"]>;

/** How many legend entries fit side by side; without a canvas Vega takes 0.8 of the font size for a letter. */
export function legendColumns(names: readonly string[], width: number): number {
  const longest = Math.max(...names.map((name) => name.length));
  return Math.max(1, Math.floor(width / (longest * 0.8 * CONFIG.axis.labelFontSize + 36)));
}

/** A picture in words, for who does not see it. */
export interface SvgWords {
  /** What it is: the first that a screen reader says. */
  readonly label: string;
  /** What it shows, in figures. */
  readonly description?: string;
}

/**
 * Draws a Vega-Lite chart whose data stands in the specification. Vega is loaded on first use: it costs most of a second.
 */
export async function renderSvg(spec: TopLevelSpec, { label, description }: SvgWords): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const compiled = vegaLite.compile({ ...spec, config: CONFIG }).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: "none" });
  try {
    const svg = await view.toSVG();
    const desc = description === undefined ? "" : `<desc>${escapeHtml(description)}</desc>`;
    return checkSvg(
      svg.replace(/^<svg ([^>]*)>/, (_, attributes: string) => {
        return `<svg role="img" aria-label="${escapeHtml(label)}" ${attributes}>${desc}`;
      }),
    );
  } finally {
    view.finalize();
  }
}
