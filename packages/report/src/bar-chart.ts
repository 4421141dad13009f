/** Bar charts: latency per model, size per file. */
import { SlmError } from "@slm/core";
import { legendColumns, renderSvg } from "./render-svg.js";

const WIDTH = 420;
const BAR_HEIGHT = 24;
/** Longer names continue on the next line [characters]. */
const NAME_LINE = 24;

export interface Bar {
  readonly label: string;
  readonly value: number;
}

export interface BarGroup {
  readonly name: string;
  readonly bars: readonly Bar[];
}

export interface BarChart {
  readonly title: string;
  /** Title of the value axis, with its unit: "first token [ms]". */
  readonly yLabel: string;
  readonly groups: readonly BarGroup[];
}

/**
 * Draws horizontal bars, so that long names stay readable, from zero to their value. A single group is a plain list of
 * bars. With several groups, each group is a row of bars, and the labels become the legend.
 *
 * @throws SlmError DATA_INVALID for no bars, two groups of one name, two bars of one label in a group,
 * or a value that is not finite.
 */
export async function barChart(chart: BarChart): Promise<string> {
  checkGroups(chart);
  // Row names (of groups, or of bars if there is one group) break into lines.
  const isSingle = chart.groups.length === 1;
  const values = chart.groups.flatMap(({ name, bars }) =>
    bars.map(({ label, value }) => ({
      group: isSingle ? name : inLines(name),
      label: isSingle ? inLines(label) : label,
      value,
      text: formatValue(value),
    })),
  );
  const labels = [...new Set(values.map(({ label }) => label))];
  const groups = [...new Set(values.map(({ group }) => group))];
  const isFlat = groups.length === 1 || labels.length === 1;
  const rowField = groups.length === 1 ? "label" : "group";
  const rows = groups.length === 1 ? labels : groups;
  const row = {
    field: rowField,
    type: "nominal",
    sort: rows,
    axis: { title: null, domain: false, ticks: false, labelLimit: 0, labelExpr: "split(datum.label, '\\n')" },
    scale: { paddingInner: isFlat ? 0.35 : 0.25, paddingOuter: 0.1 },
  } as const;
  const offset = isFlat ? {} : { yOffset: { field: "label", type: "nominal", sort: labels } as const };
  const color = isFlat
    ? {}
    : {
        color: {
          field: "label",
          type: "nominal",
          sort: labels,
          legend: { symbolType: "square", columns: legendColumns(labels, WIDTH) },
        } as const,
      };
  const value = {
    field: "value",
    type: "quantitative",
    axis: { title: chart.yLabel, tickCount: 5, domain: false, ticks: false },
  } as const;
  return renderSvg(
    {
      title: chart.title,
      width: WIDTH,
      height: rows.length * (BAR_HEIGHT * (isFlat ? 1 : labels.length) + 12),
      data: { values },
      encoding: { y: row, ...offset },
      layer: [
        { mark: { type: "bar", cornerRadiusEnd: 2 }, encoding: { x: value, ...color } },
        {
          mark: { type: "text", align: "left", dx: 5, color: "currentColor", fontSize: 12 },
          encoding: { x: value, text: { field: "text", type: "nominal" } },
        },
      ],
    },
    {
      label: `Bar chart: ${chart.title}; ${chart.yLabel}`,
      description: values
        .map(({ group, label, text }) => `${group} ${label} ${text}`.replaceAll("\n", " "))
        .join(", "),
    },
  );
}

/** The name with line breaks between words, so that no name is truncated. */
function inLines(name: string): string {
  const lines: string[] = [];
  for (const word of name.split(/\s+/u)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > NAME_LINE) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join("\n");
}

/** Three significant digits with thousands separators: 0.0123, 4.56, 1,230. */
function formatValue(value: number): string {
  return new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 }).format(value);
}

function checkGroups({ title, groups }: BarChart): void {
  const reject = (found: string): never => {
    throw new SlmError("DATA_INVALID", `bar chart "${title}": ${found}`);
  };
  if (groups.every(({ bars }) => bars.length === 0)) reject("needs at least one bar, got none");
  if (new Set(groups.map(({ name }) => name)).size < groups.length) reject("two groups share a name");
  for (const { name, bars } of groups) {
    if (new Set(bars.map(({ label }) => label)).size < bars.length)
      reject(`two bars of "${name}" share a label`);
    for (const { label, value } of bars) {
      if (!Number.isFinite(value)) reject(`"${name}" / "${label}" is ${value}, not a finite number`);
    }
  }
}
