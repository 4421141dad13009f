/** A Markdown summary of what `slm gate` checked, with the figures of the run next to those of another run. */
import { markdownTable, type TableColumn } from "@slm/report";
import { formatBytes, formatCount, formatGrouped, formatNumber } from "@slm/core/format";
import { formatMetric } from "@slm/metrics/format";
import type { LimitCheck, RecipeGate } from "./gate.js";

/** Figures of a run by name, as {@link figuresOf} returns them. */
export type Figures = ReadonlyMap<string, number>;

export interface GateSummary {
  readonly run: string;
  readonly pass: boolean;
  readonly gate: RecipeGate | null;
  readonly checks: readonly LimitCheck[];
  readonly figures: Figures;
  /** Figures of the run to compare with. */
  readonly base?: Figures | undefined;
}

/** Titles and formats of the figures that are not metrics. */
const FIGURES: Readonly<
  Record<string, { readonly title: string; readonly format: (value: number) => string }>
> = {
  bytes: { title: "size of the bundle", format: formatBytes },
  parameters: { title: "parameters", format: formatCount },
  firstTokenMs: { title: "time to first token, median [ms]", format: formatNumber },
  interTokenMs: { title: "time between tokens, median [ms]", format: formatNumber },
  tokensPerSecond: { title: "tokens/s, median", format: formatGrouped },
  loadMs: { title: "time to load [ms]", format: formatNumber },
  peakRssBytes: { title: "peak memory", format: formatBytes },
};

/** Two tables: the checks, and the figures; with `base`, also its figures and the change in percent or in the metric's points. */
export function gateSummary({ run, pass, gate, checks, figures, base }: GateSummary): string {
  const left = (title: string): TableColumn => ({ title, align: "left" });
  const right = (title: string): TableColumn => ({ title, align: "right" });
  const gateRow =
    gate === null
      ? []
      : [
          [
            `gate of the recipe: ${gate.metric}, limit ${formatMetric(gate.metric, gate.limit)}`,
            formatMetric(gate.metric, gate.after),
            resultOf(gate.pass),
          ],
        ];
  const checkRows = checks.map((check) => [
    check.limit,
    check.value === undefined ? "not measured" : formatGrouped(check.value),
    resultOf(check.pass),
  ]);
  const figureRows = [...figures].map(([name, value]) => {
    const format = formatOf(name);
    const before = base?.get(name);
    const compared = before === undefined ? ["", ""] : [format(before), changeOf(name, before, value)];
    return [FIGURES[name]?.title ?? name, format(value), ...(base === undefined ? [] : compared)];
  });
  return [
    `## ${run}: ${pass ? "passed" : "failed"}`,
    markdownTable({
      columns: [left("check"), right("measured"), left("result")],
      rows: [...gateRow, ...checkRows],
    }),
    markdownTable({
      columns: [
        left("figure"),
        right("this run"),
        ...(base === undefined ? [] : [right("base"), right("change")]),
      ],
      rows: figureRows,
    }),
    "",
  ].join("\n\n");
}

const resultOf = (pass: boolean): string => (pass ? "ok" : "FAILED");

const formatOf = (name: string): ((value: number) => string) =>
  FIGURES[name]?.format ?? ((value) => formatMetric(name, value));

/** "+2.1 %" of a size or a speed; a metric's difference in its own unit, since it often is a percentage itself. */
function changeOf(name: string, before: number, after: number): string {
  const difference = after - before;
  if (difference === 0) return "none";
  const sign = difference > 0 ? "+" : "";
  if (FIGURES[name] === undefined) return `${sign}${formatMetric(name, difference).replace(" %", " points")}`;
  return before === 0 ? "" : `${sign}${((difference / before) * 100).toFixed(1)} %`;
}
