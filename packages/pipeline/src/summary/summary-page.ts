/** The head of every report, and the section with the models of a run: quality first, then size and speed. */
import type { Manifest } from "@slm/core";
import type { Fact, HeadlineFigure, ReportSection } from "@slm/report";
import { isMetricName, METRICS } from "@slm/metrics";
import { z } from "zod";
import { formatBytes, formatCount, formatGrouped } from "@slm/core/format";
import { formatMetric } from "@slm/metrics/format";
import type { RunAbout } from "../stage/stage.js";
import type { RunSummary, SummaryFigure } from "./run-summary.js";
import { summaryNotes, summaryTable } from "./summary-lines.js";

/** The title of a run's page: the task, and the part of the run that the page shows. */
export function titleOf({ task }: RunAbout, part?: string): string {
  return part === undefined ? task : `${task}: ${part}`;
}

/** A number of parameters, and the model that has them. */
type Parameters = readonly [model: string, count: number | undefined];

export interface HeadRequest {
  readonly data?: Manifest | undefined;
  /** End of the run, ISO 8601. */
  readonly date: string;
  readonly parameters: readonly Parameters[];
}

/** Run, date, data and parameters. Unknown values are left out. */
export function factsOf(about: RunAbout, { data, date, parameters }: HeadRequest): readonly Fact[] {
  const counts = parameters.flatMap(([model, count]) =>
    count === undefined ? [] : [`${formatCount(count)} ${model}`],
  );
  return [
    ["run", about.run],
    ["date", dateOf(date)],
    ...(data === undefined ? [] : dataFacts(data)),
    ...(counts.length === 0 ? [] : [["parameters", counts.join(", ")] as const]),
  ];
}

/** The models of a run with a known number of parameters. */
export function parametersOf({ student, teacher }: RunSummary): readonly Parameters[] {
  return [
    ["student", student?.parameters],
    ["teacher", teacher?.parameters],
  ];
}

/** `2026-11-27 09:16 UTC` */
function dateOf(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

const sourced = z.looseObject({
  source: z.unknown().optional(),
  train: z.unknown().optional(),
});
const counted = z.looseObject({ splits: z.record(z.string(), z.number()) });

function dataFacts({ settings, details }: Manifest): readonly Fact[] {
  const { source, train } = sourced.safeParse(settings).data ?? {};
  const from = [source ?? train].flatMap(namesIn);
  const splits = Object.entries(counted.safeParse(details).data?.splits ?? {})
    .sort(([, a], [, b]) => b - a)
    .map(([split, rows]) => `${formatGrouped(rows)} ${split}`);
  const text = [from.join(", "), splits.length === 0 ? "" : `rows: ${splits.join(", ")}`].filter(
    (part) => part !== "",
  );
  return text.length === 0 ? [] : [["data", text.join("; ")]];
}

/** The texts in a setting that names files or a module. */
function namesIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(namesIn);
}

/** Whether the deployed model is good enough: its metric, and what the gate compared it with. Undefined before it was measured. */
export function verdictOf({ models, metric, limit, heldOut, teacher }: RunSummary): string | undefined {
  const deployed = models.find(({ role }) => role === "deployed");
  const found = metric === null ? undefined : deployed?.metrics[metric];
  if (metric === null || found === undefined || heldOut === null) return undefined;
  const format = (value: number): string => formatMetric(metric, value);
  const between = betweenOf(found, format);
  const interval = between === undefined ? "" : ` (95 % confidence interval: ${between})`;
  const before = models.find(({ role }) => role === "float32")?.metrics[metric];
  const ofTeacher = teacher?.devMetrics[metric];
  const needed = isMetricName(metric) && METRICS[metric].higherIsBetter ? "at least" : "at most";
  return [
    `On ${formatGrouped(heldOut.rows)} ${heldOut.split} rows, the deployed model has ${metric} ${format(found.value)}${interval}.`,
    ...(limit === null ? [] : [`It passed the gate, which needs ${needed} ${format(limit)}.`]),
    ...(before === undefined ? [] : [`Before quantization: ${format(before.value)}.`]),
    ...(ofTeacher === undefined ? [] : [`The teacher on the dev rows: ${format(ofTeacher)}.`]),
  ].join(" ");
}

/** The metric of the gate first, then size and speed of the deployed model. */
export function headlineOf(summary: RunSummary): readonly HeadlineFigure[] {
  const { models, metric, heldOut, student, teacher } = summary;
  const deployed = models.find(({ role }) => role === "deployed");
  if (deployed === undefined) return [];
  const names = Object.keys(deployed.metrics).sort((a, b) => Number(b === metric) - Number(a === metric));
  const rows = heldOut === null ? "" : `, ${formatGrouped(heldOut.rows)} ${heldOut.split} rows`;
  const speed = (label: string, found: SummaryFigure | undefined, unit: string): readonly HeadlineFigure[] =>
    found === undefined
      ? []
      : [
          {
            label,
            value: `${formatGrouped(found.value)} ${unit}`,
            note: intervalOf(found, formatGrouped),
          },
        ];
  const parameters = [
    student?.parameters === undefined ? "" : `${formatCount(student.parameters)} parameters`,
    teacher?.parameters === undefined ? "" : `teacher: ${formatCount(teacher.parameters)}`,
  ].filter((text) => text !== "");
  return [
    ...names.map((name) => {
      const found = deployed.metrics[name]!;
      return {
        label: `${name}${rows}`,
        value: formatMetric(name, found.value),
        note: intervalOf(found, (value) => formatMetric(name, value)),
      };
    }),
    ...(deployed.bytes === undefined
      ? []
      : [
          {
            label: `size, ${deployed.scheme}`,
            value: formatBytes(deployed.bytes),
            note: parameters.length === 0 ? undefined : parameters.join("; "),
          },
        ]),
    ...speed("time to first token", deployed.firstTokenMs, "ms"),
    ...speed("decode rate", deployed.tokensPerSecond, "tokens/s"),
  ];
}

const intervalOf = (found: SummaryFigure, format: (value: number) => string): string | undefined => {
  const between = betweenOf(found, format);
  return between === undefined ? undefined : `95 %: ${between}`;
};

function betweenOf({ low, high }: SummaryFigure, format: (value: number) => string): string | undefined {
  return low === undefined || high === undefined
    ? undefined
    : `${format(low).replace(/ %$/u, "")} to ${format(high)}`;
}

/** The closing table of the run, and reasons to doubt the model's quality. Empty before anything was measured. */
export function modelsSection(summary: RunSummary): readonly ReportSection[] {
  const { titles, rows } = summaryTable(summary);
  if (rows.length === 0) return [];
  const columns = titles.map((title, place) => ({
    title,
    align: place === 0 ? ("left" as const) : ("right" as const),
    wrap: place === 0,
  }));
  return [
    ...(summary.warnings.length === 0
      ? []
      : [{ heading: "Warnings", text: summary.warnings.map(sentence).join("\n\n") }]),
    { heading: "Models", table: { columns, rows }, text: summaryNotes(summary).map(sentence).join(" ") },
  ];
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
