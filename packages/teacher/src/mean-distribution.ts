/** The arithmetic mean of several next-token distributions. */

/** log(sum(exp(values))), with the maximum subtracted first against overflow [nats]. */
function logSumExp(values: Float32Array): number {
  let largest = -Infinity;
  for (const value of values) if (value > largest) largest = value;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}

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
  const row = new Float64Array(vocabularySize);
  for (let begin = 0; begin < result.length; begin += vocabularySize) {
    row.fill(0);
    members.forEach((logits, member) => {
      const values = logits.subarray(begin, begin + vocabularySize);
      const offset = Math.log(weights[member]!) - logSumExp(values);
      for (let id = 0; id < vocabularySize; id++) row[id]! += Math.exp(values[id]! + offset);
    });
    // If every member's probability underflows a double, the smallest double is used.
    for (let id = 0; id < vocabularySize; id++)
      result[begin + id] = Math.log(Math.max(row[id]!, Number.MIN_VALUE));
  }
  return result;
}
