/** The closing table of `slm run`: quality, size and speed, one column per model. */
import { formatBytes, formatCount, formatGrouped } from "@slm/core/format";
import { columns, wrapped } from "@slm/core/format";
import { formatMetric } from "@slm/metrics/format";
import type { RunSummary, SummarizedModel, SummaryFigure, TrainedModel } from "./run-summary.js";

/** A column: its title and the cell of each row. */
interface SummaryColumn {
  readonly title: string;
  readonly model?: SummarizedModel | undefined;
  readonly trained?: TrainedModel | undefined;
  /** Whether figures have their confidence intervals. */
  readonly intervals?: boolean;
}

/** A row: its title and its cell in a column. Unknown cells are empty. */
type SummaryRow = readonly [title: string, ...cells: string[]];

export interface SummaryTable {
  readonly titles: readonly string[];
  readonly rows: readonly SummaryRow[];
}

/**
 * The table; no rows if nothing was measured. Rows and columns without a cell are left out.
 *
 * @param intervals which models have confidence intervals. Default: all
 */
export function summaryTable(summary: RunSummary, intervals: "all" | "deployed" = "all"): SummaryTable {
  const { models, heldOut, student, teacher } = summary;
  // Schemes measured only for comparison are in the report of stage quantize.
  const all: readonly SummaryColumn[] = [
    ...models
      .filter(({ role }) => role !== "other scheme")
      .map((model) => ({
        title: titleOf(model),
        model,
        trained: trainedAs(model, models, student),
        intervals: intervals === "all" || model.role === "deployed",
      })),
    ...(models.length === 0 && student !== null ? [{ title: "student", trained: student }] : []),
    ...(teacher === null ? [] : [{ title: "teacher", trained: teacher }]),
  ];
  const metrics = mainFirst(
    summary,
    models.flatMap((model) => Object.keys(model.metrics)),
  );
  const devMetrics = mainFirst(summary, Object.keys(student?.devMetrics ?? {}));
  const cells: readonly (readonly [string, (column: SummaryColumn) => string | undefined])[] = [
    ...metrics.map(
      (name) =>
        [
          heldOut === null ? name : `${name}, ${heldOut.split} rows`,
          (column: SummaryColumn) =>
            figure(column, column.model?.metrics[name], (value) => formatMetric(name, value)),
        ] as const,
    ),
    ...devMetrics.map(
      (name) =>
        [
          `${name}, dev rows`,
          ({ trained }: SummaryColumn) => {
            const value = trained?.devMetrics[name];
            return value === undefined ? undefined : formatMetric(name, value);
          },
        ] as const,
    ),
    ["parameters", ({ model, trained }) => count(model === undefined ? trained : (student ?? trained))],
    ["size", ({ model }) => (model?.bytes === undefined ? undefined : formatBytes(model.bytes))],
    ["first token, median", (column) => figure(column, column.model?.firstTokenMs, formatGrouped, " ms")],
    ["tokens/s, median", (column) => figure(column, column.model?.tokensPerSecond, formatGrouped)],
  ];
  const used = all.filter((column) => cells.some(([, cell]) => cell(column) !== undefined));
  const rows = cells
    .map(([title, cell]): SummaryRow => [title, ...used.map((column) => cell(column) ?? "")])
    .filter(([, ...row]) => row.some((cell) => cell !== ""));
  return { titles: ["", ...used.map(({ title }) => title)], rows };
}

/** The lines of the terminal, which fit 80 columns. Only the deployed model has its intervals; the report has all. */
export function summaryLines(summary: RunSummary): readonly string[] {
  const { titles, rows } = summaryTable(summary, "deployed");
  const warnings = summary.warnings.map((warning) => `warning: ${warning}`);
  const notes = [...summaryNotes(summary), ...warnings].flatMap((note) => wrapped(note, "  "));
  if (rows.length === 0) return notes;
  return ["", ...columns(titles, rows), ...notes, ""];
}

/** Explains the figures, one sentence each. */
export function summaryNotes(summary: RunSummary): readonly string[] {
  const { training, heldOut, bundleBytes, device, baseline } = summary;
  const learned = [
    training.labelled === undefined ? undefined : `${formatGrouped(training.labelled)} labelled rows`,
    training.byTeacher === undefined
      ? undefined
      : `${formatGrouped(training.byTeacher)} rows that the teacher labelled`,
  ].filter((part) => part !== undefined);
  return [
    ...(heldOut === null ? [] : [`measured on ${formatGrouped(heldOut.rows)} ${heldOut.split} rows`]),
    ...(learned.length === 0 ? [] : [`trained on ${learned.join(" and ")}`]),
    ...(bundleBytes === null ? [] : [`the bundle has ${formatBytes(bundleBytes)}`]),
    ...(device === null
      ? []
      : [
          `speed on ${device.name}, ${device.threads} ${device.threads === 1 ? "thread" : "threads"}` +
            (device.simulated ? "; simulated, so this is not the speed of that device" : ""),
        ]),
    ...(baseline === null
      ? []
      : [
          `compared with a decoder-only model of equal size: ${comparedWith(1 / baseline.firstTokenMs)} to the first token, ` +
            `${comparedWith(1 / baseline.totalMs)} for a whole answer, ${comparedWith(baseline.tokensPerSecond)} in tokens/s`,
        ]),
    ...(summary.models.some(hasInterval) ? ["in brackets: 95 % confidence intervals"] : []),
  ];
}

/**
 * A ratio of speeds in words: "16 % slower", "2.4 times as fast".
 *
 * @param ratio speed divided by the other model's
 */
export function comparedWith(ratio: number): string {
  if (ratio >= 2) return `${formatGrouped(ratio)} times as fast`;
  if (ratio <= 1 / 2) return `${formatGrouped(1 / ratio)} times as slow`;
  const percent = Math.round(100 * (ratio >= 1 ? ratio - 1 : 1 / ratio - 1));
  if (percent === 0) return "as fast";
  return `${percent} % ${ratio > 1 ? "faster" : "slower"}`;
}

function titleOf({ role, scheme }: SummarizedModel): string {
  return role === "deployed" ? `deployed, ${scheme}` : "float32 export";
}

/** The student in training is the model before quantization: its dev metrics are in the float32 column where there is one. */
function trainedAs(
  { role }: SummarizedModel,
  models: readonly SummarizedModel[],
  student: TrainedModel | null,
): TrainedModel | undefined {
  const hasFloat32 = models.some((model) => model.role === "float32");
  return role === "float32" || !hasFloat32 ? (student ?? undefined) : undefined;
}

/** The names without duplicates, the gate's metric first. */
function mainFirst({ metric }: RunSummary, names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort((a, b) => Number(b === metric) - Number(a === metric));
}

const count = (trained: TrainedModel | undefined): string | undefined =>
  trained?.parameters === undefined ? undefined : formatCount(trained.parameters);

function figure(
  { intervals }: SummaryColumn,
  found: SummaryFigure | undefined,
  format: (value: number) => string,
  unit = "",
): string | undefined {
  if (found === undefined) return undefined;
  const { value, low, high } = found;
  const between =
    intervals !== true || low === undefined || high === undefined
      ? ""
      : ` (${format(low).replace(/ %$/, "")} to ${format(high)})`;
  return `${format(value)}${unit}${between}`;
}

function hasInterval({ metrics, firstTokenMs }: SummarizedModel): boolean {
  return [...Object.values(metrics), firstTokenMs].some((found) => found?.low !== undefined);
}
