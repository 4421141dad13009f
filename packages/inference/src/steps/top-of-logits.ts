/** The most probable token of each row of logits, with its log-probability. */
import { argmax, type TopTokens } from "@slm/generation";

/** @param logits `[rows, vocabularySize]`; ties: the lowest id */
export function topOfLogits(logits: Float32Array, vocabularySize: number): TopTokens {
  const count = logits.length / vocabularySize;
  const [ids, logProbabilities] = [new Int32Array(count), new Float32Array(count)];
  for (let row = 0; row < count; row += 1) {
    const values = logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
    const best = argmax(values);
    const highest = values[best]!;
    let total = 0;
    for (const value of values) total += Math.exp(value - highest);
    ids[row] = best;
    logProbabilities[row] = -Math.log(total);
  }
  return { ids, logProbabilities };
}
