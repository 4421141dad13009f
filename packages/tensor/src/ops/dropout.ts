/**
 * Dropout with masks that are inputs, or drawn from a key that is an input. In both cases a program is a pure function of its inputs, so a
 * resumed run with the same inputs repeats an uninterrupted one.
 */
import { SlmError } from "@slm/core";
import { tf, type Tensor } from "../recording/tf.js";

/** A mask, or a function that draws it where it is used. */
type Mask = Tensor | (() => Tensor);

interface Masks {
  readonly all: readonly Mask[];
  used: number;
}

let active: Masks | undefined;

/**
 * Runs `build` so that its n-th call of {@link dropout} multiplies by the n-th mask. Gradients computed inside `build` use the same masks.
 *
 * @param masks float32, 0 where an element is dropped and 1 / (1 - rate) where it is kept.
 * @throws SlmError UNEXPECTED for too few or unused masks, for a mask with the wrong shape, and for nested calls.
 */
export function withDropout<T>(masks: readonly Mask[], build: () => T): T {
  if (active !== undefined) throw new SlmError("UNEXPECTED", "dropout: withDropout is already in use");
  const own: Masks = { all: masks, used: 0 };
  active = own;
  try {
    const result = build();
    if (own.used < masks.length) {
      throw new SlmError("UNEXPECTED", `dropout: got ${masks.length} masks, used ${own.used}`);
    }
    return result;
  } finally {
    active = undefined;
  }
}

/**
 * Multiplies x by the next mask inside {@link withDropout}; returns x itself outside of it, without a node.
 *
 * Source: Srivastava et al. 2014, section 4, except that kept elements are scaled up during training instead of weights being scaled down after
 * it.
 *
 * @throws SlmError UNEXPECTED if no mask is left or its shape is not x's.
 */
export function dropout(x: Tensor): Tensor {
  if (active === undefined) return x;
  const given = active.all[active.used];
  if (given === undefined) {
    throw new SlmError("UNEXPECTED", `dropout: got ${active.all.length} masks, but more are needed`);
  }
  const mask = typeof given === "function" ? given() : given;
  if (mask.shape.join() !== x.shape.join()) {
    throw new SlmError(
      "UNEXPECTED",
      `dropout: mask ${active.used} should be [${x.shape.join(", ")}], got [${mask.shape.join(", ")}]`,
    );
  }
  active.used++;
  return tf.mul(x, mask);
}
