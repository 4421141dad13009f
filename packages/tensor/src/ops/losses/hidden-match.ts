/** Matching the student's hidden states to the teacher's through a learned projection. */
import { expectShape } from "../shape-check.js";
import { tf, type Tensor } from "../../recording/tf.js";
import { maskedMean } from "../masked-logits.js";

export interface HiddenStates {
  /** `[positions, widthS]` */
  readonly student: Tensor;
  /** `[positions, widthT]` */
  readonly teacher: Tensor;
  /** `[widthS, widthT]` */
  readonly projection: Tensor;
  /** `[positions]`: 1 for a loss token, 0 for padding. */
  readonly mask: Tensor;
  /** Scalar: how many positions count. */
  readonly count: Tensor;
}

export const HIDDEN_MATCH_KINDS = ["mse", "cosine"] as const;
export type HiddenMatchKind = (typeof HIDDEN_MATCH_KINDS)[number];

/** Added to squared norms, so that a state of zeros has a cosine of 0 and a finite gradient. */
const EPSILON = 1e-12;

const rowSum = (x: Tensor): Tensor => tf.sum(x, -1);
const norm = (x: Tensor): Tensor => tf.sqrt(tf.add(rowSum(tf.square(x)), EPSILON));

/** Distance of each projected state from the teacher's, `[positions]`. */
const DISTANCES: { readonly [K in HiddenMatchKind]: (projected: Tensor, teacher: Tensor) => Tensor } = {
  mse: (projected, teacher) => tf.mul(rowSum(tf.square(tf.sub(projected, teacher))), 1 / teacher.shape[1]!),
  cosine: (projected, teacher) => {
    const cosine = tf.div(tf.div(rowSum(tf.mul(projected, teacher)), norm(projected)), norm(teacher));
    return tf.sub(1, cosine);
  },
};

/**
 * The distance of student · projection from the teacher's hidden states, averaged over loss tokens:
 * `mse`, the mean over the width of squared differences; `cosine`, 1 - the cosine of the angle between them.
 *
 * Differentiable in student, projection and teacher. Output: a scalar.
 * Source: Romero et al. 2015, equation 3 (arXiv:1412.6550), with a linear regressor; cosine as in Sanh et al. 2019,
 * section 2 (arXiv:1910.01108).
 *
 * @throws SlmError SHAPE_MISMATCH naming the tensor that does not fit.
 */
export function hiddenMatch(states: HiddenStates, kind: HiddenMatchKind): Tensor {
  const { student, teacher, projection, mask } = states;
  const [positions, width] = student.shape as [number, number];
  expectShape("hiddenMatch", "student", student, [null, null]);
  expectShape("hiddenMatch", "teacher", teacher, [positions, null]);
  expectShape("hiddenMatch", "projection", projection, [width, teacher.shape[1]!]);
  expectShape("hiddenMatch", "mask", mask, [positions]);
  return maskedMean(DISTANCES[kind](tf.matMul(student, projection), teacher), states);
}
