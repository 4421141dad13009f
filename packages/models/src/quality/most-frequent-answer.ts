/** What a model must beat to be of use: always giving the most frequent answer. */
import type { EvaluationRow } from "@slm/inference";
import { METRICS, type MetricName } from "@slm/metrics";

/** The metric of the most frequent answer on rows; null if all rows have the same answer, so that nothing beats it. */
export function mostFrequentAnswer(rows: readonly EvaluationRow[], metric: MetricName): number | null {
  const counts = new Map<string, number>();
  for (const { references } of rows) {
    const answer = references[0] ?? "";
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  if (counts.size < 2) return null;
  const [answer] = [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best));
  return METRICS[metric].compute(
    rows.map(() => answer),
    rows.map(({ references }) => references),
  );
}
