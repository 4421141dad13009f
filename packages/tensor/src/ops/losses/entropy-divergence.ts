/** A divergence that chooses its direction by the teacher's entropy. p: the teacher's distribution, q: the student's. */
import { SlmError } from "@slm/core";
import { tf } from "../../recording/tf.js";
import { column, logProbabilities, rowDot } from "../masked-logits.js";
import { throughSoftmax } from "./distribution-loss.js";
import type { RowDivergence } from "./plain-divergences.js";

/**
 * KL(q || p) + g·KL(p || q), g being 1 where the entropy of p exceeds the threshold [nats] and 0 elsewhere.
 *
 * Slope: through softmax of log q - log p, plus g·(q - p). Passes over `[positions, vocab]`: 8 forward, 6 backward.
 *
 * @throws SlmError CONFIG_INVALID for a threshold that is negative or not finite.
 */
export function entropyAwareKlRows(threshold: number): RowDivergence {
  if (!(threshold >= 0 && threshold < Infinity)) {
    throw new SlmError(
      "CONFIG_INVALID",
      `losses: entropyThreshold should be a finite number of at least 0, got ${threshold}`,
    );
  }
  return (student, teacher) => {
    const logQ = logProbabilities(student);
    const logP = logProbabilities(teacher);
    const [p, q] = [tf.exp(logP), tf.exp(logQ)];
    const ratio = tf.sub(logQ, logP);
    const reverse = rowDot(q, ratio);
    const gate = tf.cast(tf.less(rowDot(p, logP), -threshold), "float32");
    return {
      rows: tf.sub(reverse, tf.mul(gate, rowDot(p, ratio))),
      saved: [p, q, ratio, reverse, gate],
      slope: ([savedP, savedQ, savedRatio, savedReverse, savedGate]) =>
        tf.add(
          throughSoftmax(savedQ!, savedRatio!, savedReverse),
          tf.mul(tf.sub(savedQ!, savedP!), column(savedGate!)),
        ),
      slopeScale: 1,
    };
  };
}
