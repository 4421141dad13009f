/** Parallel text: one file of sources and one of targets; the lines with the same number are a pair. */
import { SlmError } from "@slm/core";
import { readLines, type Line } from "../rows/lines.js";
import type { ReadSettings, ScannedRecord } from "./data-format.js";

export interface ParallelFiles {
  readonly source: string;
  readonly target: string;
}

/**
 * Returns every pair of lines as a record with the columns `source` and `target`. Pairs of empty lines are skipped, but counted.
 *
 * @throws SlmError INPUT_MISSING if a file cannot be read, DATA_INVALID if the files differ in length, because then
 * an unknown part of the pairs is misaligned.
 */
export async function* readParallelText(
  files: ParallelFiles,
  { encoding }: Pick<ReadSettings, "encoding">,
): AsyncGenerator<ScannedRecord> {
  const [sources, targets] = [readLines(files.source, { encoding }), readLines(files.target, { encoding })];
  try {
    for (let line = 1; ; line++) {
      const [source, target] = [await sources.next(), await targets.next()];
      if (source.done === true && target.done === true) return;
      if (source.done === true || target.done === true)
        throw unequal(files, line, source.done === true ? files.source : files.target);
      const record = pairOf(line, source.value, target.value);
      if (record !== undefined) yield record;
    }
  } finally {
    await Promise.all([sources.return(undefined), targets.return(undefined)]);
  }
}

function pairOf(line: number, source: Line, target: Line): ScannedRecord | undefined {
  if ("reason" in source) return { line, reason: `source: ${source.reason}` };
  if ("reason" in target) return { line, reason: `target: ${target.reason}` };
  const columns = { source: source.text.trim(), target: target.text.trim() };
  return columns.source === "" && columns.target === "" ? undefined : { line, columns };
}

function unequal(files: ParallelFiles, line: number, shorter: string): SlmError {
  return new SlmError(
    "DATA_INVALID",
    `data: ${shorter} ends before line ${line}, but the other file of the pair does not: expected the same number of lines in both`,
    {
      context: { ...files, line },
      suggestions: [`wc -l ${files.source} ${files.target}`, "write the same number of lines to both files"],
    },
  );
}
