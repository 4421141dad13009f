/** The output of `slm eval` besides metrics: intervals, slices, classes. */
import type { ClassReport, Interval, Slice } from "@slm/inference";
import { columns } from "@slm/core/format";
import { formatGrouped } from "@slm/core/format";
import { formatMetric, formatPercent } from "@slm/metrics/format";

/** Number of classes shown; `--json` has all. */
const SHOWN_CLASSES = 20;
/** With more classes, the matrix is too wide for a terminal, and the most frequent confusions are listed instead. */
const MATRIX_CLASSES = 8;
/** Number of confusions listed. */
const SHOWN_CONFUSIONS = 10;
/** Longest name of a class or value [characters]. */
const NAME_WIDTH = 32;

/** ` (48.1 to 52.9 %)`; empty without an interval. */
export function intervalText(name: string, interval: Interval | undefined): string {
  if (interval === undefined) return "";
  const [low, high] = [interval.low, interval.high].map((value) => formatMetric(name, value));
  return ` (${low!.replace(/ %$/u, "")} to ${high!})`;
}

/** A table for each column, with one line per slice. */
export function sliceLines(slices: readonly Slice[]): readonly string[] {
  const names = [...new Set(slices.map(({ column }) => column))];
  return names.flatMap((column) => {
    const own = slices.filter((slice) => slice.column === column);
    const metrics = Object.keys(own[0]?.metrics ?? {});
    const rows = own.map(({ value, n, metrics: found }) => [
      value === null ? "(all others)" : value === "" ? "(none)" : short(value),
      formatGrouped(n),
      ...metrics.map((name) => formatMetric(name, found[name]!)),
    ]);
    return ["", ...columns([`by ${column}`, "rows", ...metrics], rows)];
  });
}

/** Precision, recall and F1 of each class, then the confusion matrix or, for many classes, the most frequent confusions. */
export function classLines({ scores, confusion }: ClassReport): readonly string[] {
  const shown = scores.slice(0, SHOWN_CLASSES);
  const rows = shown.map(({ label, support, precision, recall, f1 }) => [
    short(label),
    formatGrouped(support),
    ...[precision, recall, f1].map(formatPercent),
  ]);
  const hidden = scores.length - shown.length;
  return [
    "",
    ...columns(["class", "rows", "precision", "recall", "F1"], rows),
    ...(hidden > 0 ? [`and ${hidden} more (--json lists them)`] : []),
    "",
    ...(confusion.labels.length <= MATRIX_CLASSES ? matrixLines(confusion) : confusionLines(confusion)),
  ];
}

function matrixLines({ labels, counts }: ClassReport["confusion"]): readonly string[] {
  const names = labels.map(short);
  return columns(
    ["expected \\ predicted", ...names],
    counts.map((row, place) => [names[place]!, ...row.map(String)]),
  );
}

function confusionLines({ labels, counts }: ClassReport["confusion"]): readonly string[] {
  const confusions = counts.flatMap((row, expected) =>
    row.flatMap((count, predicted) =>
      count === 0 || expected === predicted
        ? []
        : [{ count, pair: [short(labels[expected]!), short(labels[predicted]!)] as const }],
    ),
  );
  const most = [...confusions].sort((a, b) => b.count - a.count).slice(0, SHOWN_CONFUSIONS);
  if (most.length === 0) return ["no class was confused with another"];
  return columns(
    ["expected", "predicted", "rows"],
    most.map(({ count, pair: [expected, predicted] }) => [expected, predicted, String(count)]),
  );
}

function short(text: string): string {
  return text.length > NAME_WIDTH ? `${text.slice(0, NAME_WIDTH - 1)}…` : text;
}
