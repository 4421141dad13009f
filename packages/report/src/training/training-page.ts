/** The page of one training run: results, curves, samples and settings. */
import { reportPage, type ReportSection } from "../page.js";
import { formatQuantity, titleOf } from "./quantities.js";
import { curveSections, warnings } from "./curve-sections.js";
import { quantitiesOf, runCharts } from "./run-charts.js";
import type { RunLog } from "./run-log.js";
import { samplesSection, type Samples } from "./samples.js";
import { flattenSettings } from "./settings.js";
import { summarizeRun } from "./summary.js";

export interface TrainingPage {
  readonly title: string;
  readonly log: RunLog;
  /** Settings as a JSON value; undefined if unknown. */
  readonly settings?: unknown;
  readonly samples?: Samples | undefined;
}

/** The run as one self-contained HTML page. */
export async function trainingPage({ title, log, settings, samples }: TrainingPage): Promise<string> {
  return reportPage({
    title,
    subtitle: `${summarizeRun(log).steps} steps logged.`,
    sections: [
      ...warnings([{ name: "This run", log }]),
      ...results(log),
      ...(await curveSections((group) => runCharts(log, group))),
      ...(samples === undefined ? [] : [samplesSection(samples)]),
      ...settingsSection(settings),
    ],
  });
}

function results(log: RunLog): readonly ReportSection[] {
  const { final, best } = summarizeRun(log);
  const rows = quantitiesOf([log]).map((quantity) => {
    const found = best[quantity.key];
    return [
      titleOf(quantity),
      formatQuantity(quantity, final[quantity.key]!),
      found === undefined ? "" : formatQuantity(quantity, found.value),
      found === undefined ? "" : String(found.step),
    ];
  });
  if (rows.length === 0) return [{ heading: "Results", text: "Nothing is logged yet." }];
  const columns = [
    { title: "", align: "left" },
    { title: "final", align: "right" },
    { title: "best", align: "right" },
    { title: "at step", align: "right" },
  ] as const;
  return [{ heading: "Results", table: { columns, rows } }];
}

function settingsSection(settings: unknown): readonly ReportSection[] {
  if (settings === undefined) return [];
  const columns = [
    { title: "setting", align: "left" },
    { title: "value", align: "left", wrap: true },
  ] as const;
  const rows = [...flattenSettings(settings)];
  return [{ heading: "Settings", table: { columns, rows } }];
}
