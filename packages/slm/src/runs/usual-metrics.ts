/** The metrics to evaluate a model with if none are named. */
import { SlmError } from "@slm/core/errors";
import type { EvaluationMetricName } from "@slm/inference";
import { isEvaluationMetric } from "@slm/models/quality";
import { describeArtifact } from "./describe-artifact.js";

/**
 * The metrics that a model's run measured, in the order of its report.
 *
 * @param model path of the model. One that cannot be read has none: whoever loads it reports the problem
 * @throws SlmError USAGE if none is recorded, since every task has a metric of its own
 */
export async function usualMetrics(model: string): Promise<readonly EvaluationMetricName[]> {
  const measured = await describeArtifact(model).catch(() => undefined);
  const names = Object.keys(measured?.metrics ?? {}).filter(isEvaluationMetric);
  if (names.length > 0) return names;
  throw new SlmError("USAGE", `eval: ${model} does not record what its run measured: expected --metrics`, {
    suggestions: ["--metrics exactMatch", "slm eval --help lists all metrics"],
  });
}
