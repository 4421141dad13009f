/** The held-out rows on which the models of a run are measured. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DATA_FILES } from "@slm/data";
import { SlmError } from "@slm/core/errors";
import type { EvaluationRow } from "@slm/inference";
import { readEvaluationRows } from "./evaluation-rows.js";

/** In order of preference. Dev rows come second: they chose the checkpoint, so their metrics are slightly optimistic. */
export const HELD_OUT_SPLITS = ["test", "dev"] as const;
export type HeldOutSplit = (typeof HELD_OUT_SPLITS)[number];

export interface HeldOutRows {
  readonly rows: readonly EvaluationRow[];
  readonly split: HeldOutSplit;
}

/** The test rows of a prepared data set, or its dev rows if it has no test rows.
 *
 * @param limit uses only the first rows
 * @throws SlmError DATA_INVALID if it has neither, INPUT_MISSING if a file does not exist.
 */
export async function readHeldOutRows(dataDirectory: string, limit?: number): Promise<HeldOutRows> {
  const { file, split } = await heldOutFile(dataDirectory);
  return { rows: await readEvaluationRows(file, limit), split };
}

/** The file of the held-out rows. @throws SlmError as {@link readHeldOutRows} */
export async function heldOutFile(
  dataDirectory: string,
): Promise<{ readonly file: string; readonly split: HeldOutSplit }> {
  for (const split of HELD_OUT_SPLITS) {
    const file = join(dataDirectory, DATA_FILES[split]);
    if (!(await isEmpty(file))) return { file, split };
  }
  throw new SlmError(
    "DATA_INVALID",
    `data: ${dataDirectory}: expected at least one test or dev row to evaluate on, got none`,
    { suggestions: ["--set data.test=FILE", "--set data.testFraction=0.1"] },
  );
}

async function isEmpty(file: string): Promise<boolean> {
  try {
    return (await stat(file)).size === 0;
  } catch (cause) {
    throw new SlmError("INPUT_MISSING", `data: cannot read ${file}`, { context: { file }, cause });
  }
}
