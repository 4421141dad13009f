/** The text output of `slm data inspect`. */
import type { ImageStatistics, Inspection, LengthSummary, VocabularyCover } from "@slm/data";
import { formatBytes } from "@slm/core/format";
import { histogramLines } from "./histogram.js";

/** Number of rejected records and uncovered rows shown; `--json` lists all. */
const SHOWN = 10;
/** Samples are shortened to this length [characters]. */
const SAMPLE_WIDTH = 100;

export function inspectionLines(report: Inspection): readonly string[] {
  const rejected = report.rejected.map(({ line, reason }) => `  line ${line}: ${reason}`);
  return [
    `rows        ${report.rows}`,
    `rejected    ${report.rejected.length}`,
    ...shorten(rejected),
    `duplicates  ${report.duplicates}, and ${report.nearDuplicates} that differ only in case, Unicode form or spacing`,
    `conflicts   ${report.conflicts} rows with another target for the same source`,
    `references  ${report.withReferences}`,
    ...(report.images === undefined ? [] : [imageLine(report.withImage, report.images)]),
    `sources     ${lengths(report.sourceLengths)} characters; ${report.sourceSymbols} different characters`,
    ...histogramLines(report.sourceHistogram),
    `targets     ${lengths(report.targetLengths)} words; ${report.targetSymbols} different words`,
    ...histogramLines(report.targetHistogram),
    ...(report.cover === undefined ? [] : coverLines(report.cover)),
    ...(report.samples.length === 0 ? [] : ["samples"]),
    ...report.samples.map(({ source, target }) => `  ${quoted(source)} -> ${quoted(target)}`),
  ];
}

function imageLine(rows: number, { files, bytes, widths, heights }: ImageStatistics): string {
  const size = `median ${widths.p50} x ${heights.p50} pixels, largest ${widths.max} x ${heights.max}`;
  return `images      ${files} of ${rows} rows, ${formatBytes(bytes)}; ${size}`;
}

function coverLines({
  rows,
  fraction,
  missing,
  sourceTokens,
  targetTokens,
}: VocabularyCover): readonly string[] {
  const uncovered = missing.map(({ line, reason }) => `  line ${line}: ${reason}`);
  return [
    `covered     ${rows} (${(fraction * 100).toFixed(2)} %)`,
    ...shorten(uncovered),
    ...(
      [
        ["source", sourceTokens],
        ["target", targetTokens],
      ] as const
    ).map(
      ([side, tokens]) =>
        `  ${side} tokens ${tokens.mean.toFixed(1)} on average, ${lengths(tokens)}; ${tokens.unknown} unknown`,
    ),
  ];
}

function lengths({ p50, p95, max }: LengthSummary): string {
  return `median ${p50}, 95th percentile ${p95}, longest ${max}`;
}

function shorten(lines: readonly string[]): readonly string[] {
  const hidden = lines.length - SHOWN;
  return hidden > 0 ? [...lines.slice(0, SHOWN), `  and ${hidden} more (--json lists them)`] : lines;
}

function quoted(text: string): string {
  const shown = Array.from(text.slice(0, 2 * SAMPLE_WIDTH))
    .slice(0, SAMPLE_WIDTH)
    .join("");
  return `${JSON.stringify(shown)}${shown.length < text.length ? "..." : ""}`;
}
