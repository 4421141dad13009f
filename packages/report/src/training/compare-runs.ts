/** Compares training runs: their results, overlaid curves, and the settings in which they differ. */
import { SlmError } from "@slm/core";
import { reportPage, type ReportSection, type Table, type TableCell } from "../page.js";
import { curveSections, warnings } from "./curve-sections.js";
import { formatQuantity, titleOf, type Quantity } from "./quantities.js";
import { overlaidCharts, quantitiesOf, type NamedLog } from "./run-charts.js";
import { readRunLog } from "./run-log.js";
import { differingSettings, flattenSettings } from "./settings.js";
import { isBetter, summarizeRun, type RunSummary } from "./summary.js";

export interface ComparedRun {
  readonly name: string;
  /** Path of the run's `metrics.jsonl`. */
  readonly metricsFile: string;
  /** Settings as a JSON value; undefined if unknown. */
  readonly settings: unknown;
}

interface ReadRun extends NamedLog {
  readonly settings: unknown;
  readonly summary: RunSummary;
}

const ABSENT = "–";

/**
 * The comparison as one self-contained HTML page.
 *
 * @throws SlmError DATA_INVALID for no runs, two of one name, or an invalid log; INPUT_MISSING for a log that
 * does not exist.
 */
export async function compareRuns(runs: readonly ComparedRun[]): Promise<string> {
  if (runs.length === 0) throw new SlmError("DATA_INVALID", "compare runs: needs at least one run, got none");
  const names = runs.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new SlmError("DATA_INVALID", `compare runs: two runs are named "${twice}"`);
  const read = await Promise.all(
    runs.map(async ({ name, metricsFile, settings }): Promise<ReadRun> => {
      const log = await readRunLog(metricsFile);
      return { name, settings, log, summary: summarizeRun(log) };
    }),
  );
  return reportPage({
    title: "Training runs compared",
    subtitle: names.join(", "),
    sections: [
      ...warnings(read),
      resultsSection(read),
      differences(read),
      ...(await curveSections((group) => overlaidCharts(read, group))),
    ],
  });
}

/** Table of results, one column per run; the best value of each row is highlighted. */
function resultsSection(runs: readonly ReadRun[]): ReportSection {
  const steps = ["steps", ...runs.map(({ summary }) => String(summary.steps))];
  const rows = quantitiesOf(runs.map(({ log }) => log)).flatMap((quantity) => {
    const { key } = quantity;
    const final = valueRow(
      `${titleOf(quantity)}, final`,
      quantity,
      runs.map(({ summary }) => summary.final[key]),
    );
    if (quantity.higherIsBetter === undefined) return [final];
    const best = valueRow(
      `${titleOf(quantity)}, best`,
      quantity,
      runs.map(({ summary }) => summary.best[key]?.value),
    );
    return [final, best];
  });
  return {
    heading: "Results",
    text: "The best of each row is in bold and marked with a star.",
    table: runsTable(runs, [steps, ...rows]),
  };
}

function valueRow(
  title: string,
  quantity: Quantity,
  values: readonly (number | undefined)[],
): readonly TableCell[] {
  const known = values.filter((value) => value !== undefined);
  const isBest = (value: number): boolean =>
    known.some((other) => other !== value) && !known.some((other) => isBetter(quantity, other, value));
  const isMarked = quantity.higherIsBetter !== undefined;
  const cells = values.map((value): TableCell => {
    if (value === undefined) return ABSENT;
    const text = formatQuantity(quantity, value);
    return isMarked && isBest(value) ? { text: `★ ${text}`, tone: "best" } : text;
  });
  return [title, ...cells];
}

function differences(runs: readonly ReadRun[]): ReportSection {
  const heading = "Settings that differ";
  const known = runs.filter(({ settings }) => settings !== undefined);
  const unknown = runs.filter(({ settings }) => settings === undefined).map(({ name }) => name);
  const note = unknown.length === 0 ? "" : `Unknown for: ${unknown.join(", ")}.`;
  const rows = differingSettings(known.map(({ settings }) => flattenSettings(settings)));
  if (rows.length === 0) {
    const same = known.length < 2 ? "Fewer than two runs have known settings." : "All settings are the same.";
    return { heading, text: `${same} ${note}`.trim() };
  }
  const cells = rows.map(({ key, values }) => [key, ...values.map((value) => value ?? ABSENT)]);
  return { heading, text: note === "" ? undefined : note, table: runsTable(known, cells) };
}

function runsTable(runs: readonly ReadRun[], rows: Table<TableCell>["rows"]): Table<TableCell> {
  const columns = runs.map(({ name }) => ({ title: name, align: "right" }) as const);
  return { columns: [{ title: "", align: "left" }, ...columns], rows };
}
