/** Renders a Vega-Lite specification to SVG text in Node, without canvas or network and without scripts in the result. */
import type { TopLevelSpec } from "vega-lite";
import { escapeHtml } from "./escape.js";

/**
 * Colours with a contrast of at least 3:1 on the white and on the dark page, distinguishable by colour-blind readers
 * (Okabe and Ito 2008, darkened or lightened for the contrast).
 */
export const SERIES_COLORS = ["#2f7fd0", "#d9660a", "#0f9d76", "#c2569b", "#8a7a1f", "#7b61d1"] as const;

/** Axes and text use the surrounding text colour, so one SVG works on light and dark pages. */
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

/** Number of legend columns that fit; without a canvas Vega assumes 0.8 of the font size per letter. */
export function legendColumns(names: readonly string[], width: number): number {
  const longest = Math.max(...names.map((name) => name.length));
  return Math.max(1, Math.floor(width / (longest * 0.8 * CONFIG.axis.labelFontSize + 36)));
}

/** Text alternatives of a chart, for screen readers. */
export interface SvgWords {
  /** Title, read first by a screen reader. */
  readonly label: string;
  /** Description with the main numbers. */
  readonly description?: string;
}

/**
 * Draws a Vega-Lite chart with inline data. Vega is loaded on first use, which takes almost a second.
 */
export async function renderSvg(spec: TopLevelSpec, { label, description }: SvgWords): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const compiled = vegaLite.compile({ ...spec, config: CONFIG }).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: "none" });
  try {
    const svg = await view.toSVG();
    const desc = description === undefined ? "" : `<desc>${escapeHtml(description)}</desc>`;
    return svg.replace(/^<svg ([^>]*)>/, (_, attributes: string) => {
      return `<svg role="img" aria-label="${escapeHtml(label)}" ${attributes}>${desc}`;
    });
  } finally {
    view.finalize();
  }
}
