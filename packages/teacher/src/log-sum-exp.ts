/** log(sum(exp(values))), with the largest taken out first so that nothing overflows [nats]. */
export function logSumExp(values: Float32Array): number {
  let largest = -Infinity;
  for (const value of values) if (value > largest) largest = value;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}
