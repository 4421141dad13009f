/** Compares a benchmark with an earlier one, and writes the JUnit file for CI. */
import { readJsonFile, writeTextAtomic } from "@slm/core";
import { benchJunit, benchResultSchema, compareResults, regressionLines, type BenchResult } from "@slm/bench";
import { GateFailed } from "@slm/core/errors";

/** Default limit of a regression. */
const DEFAULT_MAX_REGRESSION = 0.05;

/** @throws SlmError INPUT_MISSING, DATA_INVALID if the file is not a benchmark of this version. */
export async function readEarlier(path: string): Promise<BenchResult> {
  return readJsonFile(path, benchResultSchema);
}

/** Adds the changes since an earlier result. @throws SlmError DATA_INVALID if they have no model in common */
export function withRegression(
  result: BenchResult,
  earlier: BenchResult | undefined,
  maxRegression = DEFAULT_MAX_REGRESSION,
): BenchResult {
  return earlier === undefined
    ? result
    : { ...result, regression: compareResults(result, earlier, maxRegression) };
}

/** @throws SlmError OUTPUT_FAILED */
export async function writeJunit(path: string, result: BenchResult): Promise<void> {
  await writeTextAtomic(path, benchJunit(result));
}

/** @throws GateFailed with every figure that regressed by more than the limit. */
export function failOnRegression(report: BenchResult): void {
  const regressed = report.regression === undefined ? [] : regressionLines(report.regression);
  if (regressed.length === 0) return;
  throw new GateFailed(`bench: slower or larger than before: ${regressed.join("; ")}`, report, [
    "if the change may be noise, measure again on an idle machine with more --runs",
  ]);
}
