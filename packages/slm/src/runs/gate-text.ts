/** The line of a gate for people. */
import { formatMetric } from "@slm/metrics/format";
import type { RecipeGate } from "@slm/pipeline/run/gate";

/** "exactMatch 98.1 %, the recipe accepts 97.5 % or more". */
export function gateText({ metric, after, limit, higherIsBetter, noBetterThan }: RecipeGate): string {
  const shown = (value: number): string => formatMetric(metric, value);
  const result = `${metric} ${shown(after)}`;
  if (noBetterThan !== undefined)
    return `${result}, no better than always giving the most frequent answer (${shown(noBetterThan)})`;
  if (higherIsBetter && limit <= 0) return `${result}, the recipe has no minimum (quantize.gate.limit)`;
  return `${result}, the recipe accepts ${shown(limit)} or ${higherIsBetter ? "more" : "less"}`;
}
