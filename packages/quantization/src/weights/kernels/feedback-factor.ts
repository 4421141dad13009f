/** Linear algebra of error feedback (GPTQ): float64, row-major, square matrices. */
import { SlmError } from "@slm/core";

/** Added to the diagonal, as a share of its mean, so that unused directions do not become unstable. */
const DAMPING = 0.01;

/**
 * Computes how errors of earlier inputs change the targets of later inputs.
 *
 * For H = X^T X (inputs by inputs, damped) writes H = (I + U) D (I + U)^T with U strictly upper triangular, and returns U transposed: row k
 * contains the weights u(i, k) of the errors of inputs i < k. Quantizing w(k) + sum over i < k of (w(i) - q(i)) u(i, k), input by input, is
 * GPTQ, in a form that needs no inverse. Source: Frantar et al. 2022 (arXiv:2210.17323); the form is LDLQ of Chee et al. 2023
 * (arXiv:2307.13304), theorem 1 and the equivalence of section 4.2.
 *
 * Inputs that are always zero get no feedback.
 *
 * @param gram sums of x(i) x(k) over all calibration rows, `size * size`; not changed
 * @throws SlmError DATA_INVALID if the sums are not finite or all inputs are zero
 */
export function feedbackFactor(gram: Float64Array, size: number): Float64Array {
  const matrix = gram.slice();
  let trace = 0;
  for (let at = 0; at < size; at += 1) trace += matrix[at * size + at]!;
  if (!Number.isFinite(trace) || trace <= 0) {
    throw new SlmError(
      "DATA_INVALID",
      `quantize: gptq: activations of the calibration data must be finite and not all zero, but the sum of their squares is ${trace}`,
      { suggestions: ["use other calibration rows: --calibration rows.jsonl", "use --method search"] },
    );
  }
  for (let at = 0; at < size; at += 1) matrix[at * size + at]! += (DAMPING * trace) / size;
  // H = M M^T with M upper triangular, computed from the last column to the first in the upper triangle of H.
  for (let column = size - 1; column >= 0; column -= 1) {
    const own = column * size;
    const diagonal = Math.sqrt(matrix[own + column]! - dot(matrix, own, own, column + 1, size));
    matrix[own + column] = diagonal;
    for (let row = 0; row < column; row += 1) {
      const place = row * size + column;
      matrix[place] = (matrix[place]! - dot(matrix, row * size, own, column + 1, size)) / diagonal;
    }
  }
  const feedback = new Float64Array(size * size);
  for (let column = 0; column < size; column += 1) {
    const diagonal = matrix[column * size + column]!;
    for (let row = 0; row < column; row += 1) {
      feedback[column * size + row] = matrix[row * size + column]! / diagonal;
    }
  }
  return feedback;
}

function dot(matrix: Float64Array, left: number, right: number, from: number, to: number): number {
  let first = 0;
  let second = 0;
  let at = from;
  for (; at + 1 < to; at += 2) {
    first += matrix[left + at]! * matrix[right + at]!;
    second += matrix[left + at + 1]! * matrix[right + at + 1]!;
  }
  if (at < to) first += matrix[left + at]! * matrix[right + at]!;
  return first + second;
}
