/** The page of one training run: results, curves, samples and settings. */
import { reportPage, type Fact, type HeadlineFigure, type ReportSection } from "../page.js";
import { formatQuantity, titleOf } from "./quantities.js";
import { curveSections, warnings } from "./curve-sections.js";
import { quantitiesOf, runCharts } from "./run-charts.js";
import type { RunLog } from "./run-log.js";
import { samplesSections, type Samples } from "./samples.js";
import { flattenSettings } from "./settings.js";
import { summarizeRun } from "./summary.js";

export interface TrainingPage {
  readonly title: string;
  readonly log: RunLog;
  /** Settings as a JSON value; undefined if unknown. */
  readonly settings?: unknown;
  readonly samples?: Samples | undefined;
  /** Whether the model is good enough, in a few sentences. */
  readonly verdict?: string | undefined;
  /** Facts about the run that its log does not have. */
  readonly facts?: readonly Fact[] | undefined;
  /** Figures in large type. Default: the best dev metrics. */
  readonly headline?: readonly HeadlineFigure[] | undefined;
  /** Sections before the curves: quality and speed of the finished models. */
  readonly results?: readonly ReportSection[] | undefined;
}

/** The run as one self-contained HTML page: how good the model is, what it gets wrong, how it was trained. */
export async function trainingPage(page: TrainingPage): Promise<string> {
  const { title, log, settings, samples, facts = [], results: before = [] } = page;
  const { steps } = summarizeRun(log);
  const notes = log.records.flatMap(({ note = [] }) => note);
  const training = [`${steps} ${steps === 1 ? "step" : "steps"}`, ...notes].join("; ");
  return reportPage({
    title,
    subtitle: page.verdict,
    facts: [...facts, ["training", training]],
    headline: page.headline ?? devHeadline(log),
    sections: [
      ...warnings([{ name: "This run", log }]),
      ...(samples === undefined ? [] : samplesSections(samples)),
      ...before,
      ...(await curveSections((group) => runCharts(log, group))),
      ...results(log),
      ...settingsSection(settings),
    ],
  });
}

/** The best value of each dev metric. */
function devHeadline(log: RunLog): readonly HeadlineFigure[] {
  const { best } = summarizeRun(log);
  return quantitiesOf([log])
    .filter(({ group, key }) => group === "dev" && best[key] !== undefined)
    .map((quantity) => {
      const { value, step } = best[quantity.key]!;
      const { label, unit } = quantity;
      return {
        label: `${label}, dev split`,
        value: `${formatQuantity(quantity, value)}${unit === "" ? "" : ` ${unit}`}`,
        note: `best, at step ${step}`,
      };
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
  if (rows.length === 0) return [{ heading: "Training", text: "The log is empty." }];
  const columns = [
    { title: "", align: "left" },
    { title: "final", align: "right" },
    { title: "best", align: "right" },
    { title: "at step", align: "right" },
  ] as const;
  return [{ heading: "Training figures", table: { columns, rows }, folded: true }];
}

function settingsSection(settings: unknown): readonly ReportSection[] {
  if (settings === undefined) return [];
  const columns = [
    { title: "setting", align: "left" },
    { title: "value", align: "left", wrap: true },
  ] as const;
  const rows = [...flattenSettings(settings)];
  return [{ heading: "Settings", table: { columns, rows }, folded: true }];
}
