/** Divergences that compare student and teacher directly. p: the teacher's distribution, q: the student's. */
import { tf, type Tensor } from "../../recording/tf.js";
import { logProbabilities, rowDot } from "../masked-logits.js";
import { throughSoftmax, type RowLoss } from "./distribution-loss.js";

/** Value and slope of one divergence between softmax(student) and softmax(teacher), logits `[positions, vocab]`. */
export type RowDivergence = (student: Tensor, teacher: Tensor) => RowLoss;

/** sum p·(log p - log q); slope q - p. Passes over `[positions, vocab]`: 5 forward, 3 backward. */
export const forwardKlRows: RowDivergence = (student, teacher) => {
  const logQ = logProbabilities(student);
  const logP = logProbabilities(teacher);
  const p = tf.exp(logP);
  return {
    rows: rowDot(p, tf.sub(logP, logQ)),
    saved: [logQ, p],
    slope: ([savedLogQ, savedP]) => tf.sub(tf.exp(savedLogQ!), savedP!),
    slopeScale: 1,
  };
};

/** sum q·(log q - log p); slope through softmax of log q - log p. Passes: 5 forward, 3 backward. */
export const reverseKlRows: RowDivergence = (student, teacher) => {
  const logQ = logProbabilities(student);
  const q = tf.exp(logQ);
  const ratio = tf.sub(logQ, logProbabilities(teacher));
  const rows = rowDot(q, ratio);
  return {
    rows,
    saved: [q, ratio, rows],
    slope: ([savedQ, savedRatio, savedRows]) => throughSoftmax(savedQ!, savedRatio!, savedRows),
    slopeScale: 1,
  };
};

/** sum |q - p| / 2; slope through softmax of sign(q - p) / 2. Passes: 5 forward, 4 backward. */
export const totalVariationRows: RowDivergence = (student, teacher) => {
  const q = tf.softmax(student);
  const difference = tf.sub(q, tf.softmax(teacher));
  const sign = tf.sign(difference);
  return {
    rows: tf.mul(rowDot(difference, sign), 0.5),
    saved: [q, sign],
    slope: ([savedQ, savedSign]) => throughSoftmax(savedQ!, savedSign!),
    slopeScale: 0.5,
  };
};
