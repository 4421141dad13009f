/** Pools tokens: replaces groups of adjacent tokens with their means. */
import { tf, type Tensor } from "../recording/tf.js";
import { defineOp } from "./lowering.js";
import { lengthMask } from "./masks.js";

export const poolTokens = defineOp("poolTokens", ({ x, lengths, mask }, { group }) => {
  const [batch, length, width] = x.shape as [number, number, number];
  const isToken = mask ?? (lengths && lengthMask(lengths, length));
  const kept = isToken === undefined ? x : tf.mul(x, tf.reshape(isToken, [-1, length, 1]));
  const groups = grouped(kept, group);
  const tokens = tf.mul(tf.sum(tf.reshape(groups, [batch, -1, group, width]), 2), 1 / group);
  return {
    tokens,
    ...(mask === undefined ? {} : { mask: tf.max(tf.reshape(grouped(mask, group), [batch, -1, group]), 2) }),
    ...(lengths === undefined ? {} : { lengths: pooledLengths(lengths, group) }),
  };
});

/** lengths int32 `[batch]` -> number of groups with at least one token. */
const pooledLengths = (lengths: Tensor, group: number): Tensor =>
  tf.floorDiv(tf.add(lengths, tf.scalar(group - 1, "int32")), tf.scalar(group, "int32"));

/** `[batch, length, ...]`, padded with zeros to whole groups. */
function grouped(x: Tensor, group: number): Tensor {
  const missing = (group - (x.shape[1]! % group)) % group;
  if (missing === 0) return x;
  return tf.pad(
    x,
    x.shape.map((_, axis) => [0, axis === 1 ? missing : 0]),
  );
}
