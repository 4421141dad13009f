/**
 * Dropout with masks as inputs, or drawn from a key that is an input. Either way a program stays a pure function of its inputs, and a
 * resumed run, whose host gives the same inputs again, repeats an uninterrupted one.
 */
import { SlmError } from "@slm/core";
import { tf, type Tensor } from "../recording/tf.js";

/** A mask, or what makes it where it is used. */
type Mask = Tensor | (() => Tensor);

interface Masks {
  readonly all: readonly Mask[];
  used: number;
}

let active: Masks | undefined;

/**
 * Runs `build` so that its n-th call of {@link dropout} multiplies by the n-th mask. Gradients taken inside `build` see
 * the same masks.
 *
 * @param masks float32, 0 where an element is dropped and 1 / (1 - rate) where it is kept.
 * @throws SlmError UNEXPECTED if masks are too few or left over, if one has another shape, and for nested calls.
 */
export function withDropout<T>(masks: readonly Mask[], build: () => T): T {
  if (active !== undefined) throw new SlmError("UNEXPECTED", "dropout: withDropout is already in use");
  const own: Masks = { all: masks, used: 0 };
  active = own;
  try {
    const result = build();
    if (own.used < masks.length) {
      throw new SlmError("UNEXPECTED", `dropout: ${masks.length} masks given, ${own.used} used`);
    }
    return result;
  } finally {
    active = undefined;
  }
}

/**
 * x times the next mask inside {@link withDropout}; outside of it x itself, without a node.
 *
 * Source: Srivastava et al. 2014, section 4, with kept elements scaled up during training instead of weights scaled down
 * after it.
 *
 * @throws SlmError UNEXPECTED when no mask is left or its shape is not x's.
 */
export function dropout(x: Tensor): Tensor {
  if (active === undefined) return x;
  const given = active.all[active.used];
  if (given === undefined) {
    throw new SlmError("UNEXPECTED", `dropout: ${active.all.length} masks given, more are needed`);
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
