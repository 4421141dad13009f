/**
 * Divergences from a mixture m = w·p + (1 - w)·q of teacher and student. m is positive wherever p or q is, so they stay
 * bounded where one distribution is zero and the other is not. p: the teacher's distribution, q: the student's.
 */
import { tf, type Tensor } from "../../recording/tf.js";
import { logProbabilities, rowDot } from "../masked-logits.js";
import { throughSoftmax } from "./distribution-loss.js";
import type { RowDivergence } from "./plain-divergences.js";

/** Smallest normal float32: keeps the logarithm finite where both probabilities are zero and the term vanishes anyway. */
const TINY = 2 ** -126;

interface Mixture {
  readonly logP: Tensor;
  readonly logQ: Tensor;
  readonly p: Tensor;
  readonly q: Tensor;
  /** m / (1 - w) = q + w / (1 - w) · p. */
  readonly scaled: Tensor;
  readonly logScaled: Tensor;
  /** log m - logScaled. */
  readonly logShift: number;
}

/** Passes over `[positions, vocab]`: 8, or 7 with equal weights. */
function mix(student: Tensor, teacher: Tensor, teacherWeight: number): Mixture {
  const logQ = logProbabilities(student);
  const logP = logProbabilities(teacher);
  const [p, q] = [tf.exp(logP), tf.exp(logQ)];
  const odds = teacherWeight / (1 - teacherWeight);
  const scaled = tf.maximum(tf.add(q, odds === 1 ? p : tf.mul(p, odds)), TINY);
  return { logP, logQ, p, q, scaled, logScaled: tf.log(scaled), logShift: Math.log(1 - teacherWeight) };
}

/**
 * beta·KL(p || m) + (1 - beta)·KL(q || m) with w = beta.
 *
 * Slope: through softmax of (1 - beta)·(log q - log m). Passes: 12 forward (11 at beta 1/2), 3 backward.
 */
export const jensenShannonRows =
  (beta: number): RowDivergence =>
  (student, teacher) => {
    const { logP, logQ, p, q, logScaled, logShift } = mix(student, teacher, beta);
    const ratio = tf.sub(logQ, logScaled);
    const inner = rowDot(q, ratio);
    const ofTeacher = tf.mul(rowDot(p, tf.sub(logP, logScaled)), beta);
    return {
      rows: tf.sub(tf.add(ofTeacher, tf.mul(inner, 1 - beta)), logShift),
      saved: [q, ratio, inner],
      slope: ([savedQ, savedRatio, savedInner]) => throughSoftmax(savedQ!, savedRatio!, savedInner),
      slopeScale: 1 - beta,
    };
  };

/**
 * KL(p || m) with w = skew.
 *
 * Slope: through softmax of -(1 - skew)·p/m, p/m being at most 1/skew. Passes: 10 forward, 5 backward.
 */
export const skewKlRows =
  (skew: number): RowDivergence =>
  (student, teacher) => {
    const { logP, p, q, scaled, logScaled, logShift } = mix(student, teacher, skew);
    return {
      rows: tf.sub(rowDot(p, tf.sub(logP, logScaled)), logShift),
      saved: [p, q, scaled],
      slope: ([savedP, savedQ, savedScaled]) => throughSoftmax(savedQ!, tf.div(savedP!, savedScaled!)),
      slopeScale: -1,
    };
  };

/**
 * KL(q || m) with w = 1 - skew.
 *
 * Slope: through softmax of log q - log m - skew·q/m, q/m being at most 1/skew. Passes: 10 forward, 6 backward.
 */
export const skewReverseKlRows =
  (skew: number): RowDivergence =>
  (student, teacher) => {
    const { logQ, q, scaled, logScaled, logShift } = mix(student, teacher, 1 - skew);
    const ratio = tf.sub(logQ, logScaled);
    return {
      rows: tf.sub(rowDot(q, ratio), logShift),
      saved: [q, ratio, scaled],
      slope: ([savedQ, savedRatio, savedScaled]) =>
        throughSoftmax(savedQ!, tf.sub(savedRatio!, tf.div(savedQ!, savedScaled!))),
      slopeScale: 1,
    };
  };
