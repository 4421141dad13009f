/** Distributions of which only the k most probable tokens are known: all other tokens become one outcome. */
import { expectShape } from "../shape-check.js";
import { tf, type Tensor } from "../../recording/tf.js";

/** Log-probability of a token that has moved into the bucket: its probability is exactly 0 in float32. */
const GONE = -1e4;

/** Smallest normal float32: keeps the logarithm of an empty bucket finite. */
const TINY = 2 ** -126;

/**
 * Student and teacher over the teacher's kept tokens and one bucket, the last column, which holds the probability of all others.
 *
 * A token is kept if its teacher logit is above the row's least. So a cached distribution, whose tail has one common value, keeps its
 * k stored tokens, and a complete one loses nothing: its bucket is its least probable token (or the tokens tied for that, so a
 * uniform row says nothing).
 * A divergence of the results says nothing about how the student divides the tail, which an equal share for each token would invent.
 *
 * Shapes: both `[positions, vocab]` -> log-probabilities `[positions, vocab + 1]`. Tokens outside the kept ones have probability 0.
 * Gradients reach the student's logits only.
 * Source: top-k with tail token, arXiv:2608.14728 (reverse KL); the same outcomes serve every divergence here.
 *
 * @throws SlmError SHAPE_MISMATCH for teacher logits of another shape.
 */
export function withTailBucket(
  student: Tensor,
  teacher: Tensor,
): { readonly student: Tensor; readonly teacher: Tensor } {
  expectShape("withTailBucket", "teacher", teacher, student.shape);
  const least = tf.neg(tf.max(tf.neg(teacher), 1, true));
  const kept = tf.cast(tf.greater(teacher, least), "float32");
  const tail = tf.sub(1, kept);
  const gone = tf.mul(tail, GONE);
  const bucketed = (logits: Tensor): Tensor => {
    const log = tf.logSoftmax(logits);
    const mass = tf.sum(tf.mul(tf.exp(log), tail), 1, true);
    return tf.concat([tf.add(tf.mul(log, kept), gone), tf.log(tf.maximum(mass, TINY))], 1);
  };
  return { student: bucketed(student), teacher: bucketed(teacher) };
}
