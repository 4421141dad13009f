/** The arithmetic mean of several next-token distributions. */

/**
 * Log of the weighted mean of the members' probabilities, row by row: log(sum of w · softmax(logits)).
 *
 * Shapes: each member's logits `[rows · vocab]` flat -> the same. Units: nats. Weights sum to 1.
 */
export function meanDistribution(
  members: readonly Float32Array[],
  weights: readonly number[],
  vocabularySize: number,
): Float32Array {
  const result = new Float32Array(members[0]!.length);
  const mean = new Float64Array(vocabularySize);
  const masses = new Float64Array(vocabularySize);
  for (let begin = 0; begin < result.length; begin += vocabularySize) {
    mean.fill(0);
    for (let member = 0; member < members.length; member++) {
      const row = members[member]!.subarray(begin, begin + vocabularySize);
      const share = weights[member]! / exponentials(row, masses);
      for (let id = 0; id < vocabularySize; id++) mean[id]! += share * masses[id]!;
    }
    // If every member's probability underflows a double, the smallest double is used.
    for (let id = 0; id < vocabularySize; id++)
      result[begin + id] = Math.log(Math.max(mean[id]!, Number.MIN_VALUE));
  }
  return result;
}

/** Writes exp(logits - their maximum) to `masses`, and returns the sum. The maximum is subtracted against overflow. */
function exponentials(logits: Float32Array, masses: Float64Array): number {
  let largest = -Infinity;
  for (let id = 0; id < logits.length; id++) if (logits[id]! > largest) largest = logits[id]!;
  let sum = 0;
  for (let id = 0; id < logits.length; id++) {
    const mass = Math.exp(logits[id]! - largest);
    masses[id] = mass;
    sum += mass;
  }
  return sum;
}
