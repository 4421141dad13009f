/**
 * A gated linear recurrence over positions, which replaces self-attention: each element of the state is a moving average, and every position
 * sets its rate.
 *
 * ```
 * c(t) = g(t) · c(t-1) + (1 - g(t)) · x(t),  g = sigmoid(gate),  c(-1) = 0
 * ```
 *
 * Source: Kim et al. 2019 (aclanthology.org/D19-5632), section 3.1, the Simpler Simple Recurrent Unit (SSRU).
 */
import { SlmError } from "@slm/core";
import { tf, type Tensor } from "../recording/tf.js";
import { place, positionsOf, slotsOf } from "./cached-attention.js";
import { defineOp } from "./lowering.js";
import { expectShape } from "./shape-check.js";
import type { OpSet } from "./signatures.js";

type Inputs = OpSet["recurrence"]["inputs"];
type Outputs = OpSet["recurrence"]["outputs"];

export const recurrence = defineOp("recurrence", (inputs, { capacity, caches }) => {
  const { x, gate, mask, pastState, pastLength } = inputs;
  expectShape("recurrence", "gate", gate, x.shape);
  if (pastState === undefined || pastLength === undefined) {
    const states = scanned(kept(gate, mask), x);
    return { states, presentState: states };
  }
  const [batch, , width] = x.shape as [number, number, number];
  expectShape("recurrence", "x (one position a step when not fused)", x, [batch, 1, width]);
  if (mask !== undefined)
    throw new SlmError("UNEXPECTED", "recurrence: a mask is not supported in a cached step");
  if (pastState.shape[2]! < capacity) return grownState({ x, gate, pastState });
  expectShape("recurrence", "pastState", pastState, [batch, 1, capacity, width]);
  const at = positionsOf(pastLength, batch);
  const slotOf = (position: Tensor): Tensor =>
    tf.reshape(tf.cast(tf.equal(slotsOf(capacity), position), "float32"), [batch, 1, capacity, 1]);
  // There is no slot before the first, so the first state follows zeros.
  const before = tf.sum(tf.mul(pastState, slotOf(tf.sub(at, tf.scalar(1, "int32")))), 2);
  const states = nextState(kept(gate), x, before);
  if (caches === "delta") return { states, presentState: states };
  const fresh = tf.reshape(states, [batch, 1, 1, width]);
  return { states, presentState: place(pastState, fresh, slotOf(at)) };
});

/** The share of the old state that a position keeps: all of it if the mask is 0. */
function kept(gate: Tensor, mask?: Tensor): Tensor {
  const share = tf.sigmoid(gate);
  if (mask === undefined) return share;
  const seen = tf.reshape(mask, [...mask.shape, 1]);
  return tf.add(tf.mul(share, seen), tf.sub(1, seen));
}

const nextState = (keep: Tensor, x: Tensor, before: Tensor): Tensor =>
  tf.add(tf.mul(keep, before), tf.mul(tf.sub(1, keep), x));

/** States after caches with exactly the positions before this one. */
function grownState({ x, gate, pastState }: Inputs & { readonly pastState: Tensor }): Outputs {
  const [batch, , length, width] = pastState.shape as [number, number, number, number];
  const last = length === 0 ? undefined : tf.slice(pastState, [0, 0, length - 1, 0], [batch, 1, 1, width]);
  const before = last === undefined ? tf.zeros([batch, 1, width]) : tf.reshape(last, [batch, 1, width]);
  const states = nextState(kept(gate), x, before);
  const fresh = tf.reshape(states, [batch, 1, 1, width]);
  return { states, presentState: length === 0 ? fresh : tf.concat([pastState, fresh], 2) };
}

/**
 * All states at once. The recurrence is a product of affine maps c -> a · c + b, which is associative. Each round combines every position's map
 * with the map of the position `distance` before it, so log2(length) rounds are enough, and nothing is divided.
 *
 * Source: Hillis and Steele 1986 (doi:10.1145/7902.7903), data parallel prefix sums.
 */
function scanned(keep: Tensor, x: Tensor): Tensor {
  const [batch, length, width] = x.shape as [number, number, number];
  let factor = keep;
  let state = tf.mul(tf.sub(1, keep), x);
  const before = (values: Tensor, distance: number): Tensor =>
    tf.pad(tf.slice(values, [0, 0, 0], [batch, length - distance, width]), [
      [0, 0],
      [distance, 0],
      [0, 0],
    ]);
  for (let distance = 1; distance < length; distance *= 2) {
    state = tf.add(state, tf.mul(factor, before(state, distance)));
    if (2 * distance < length) factor = tf.mul(factor, before(factor, distance));
  }
  return state;
}
