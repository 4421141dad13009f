/**
 * Converts between rows and heads, at rank 4 at most. The query heads of one KV head are adjacent, so a reshape folds them into the rows of
 * one product:
 *
 * ```
 * rows [batch, length, heads·headDim] -> heads [batch, heads, length, headDim]
 *   -> folded [batch, kvHeads, group·length, headDim], row g·length + i: query i of head g of the group
 * ```
 *
 * Static graphs process one text, whose rows have no `batch` axis.
 */
import type { HeadLayout, Recorder, Tensor } from "@slm/tensor";
import type { LoweringContext } from "./context.js";
import { reshape, transposeAxes } from "./emit.js";

/** How a graph writes sizes: read at run time, or as numbers. */
export class HeadAxes {
  readonly #recorder: Recorder;
  readonly #isStatic: boolean;

  constructor(recorder: Recorder, { device }: LoweringContext) {
    this.#recorder = recorder;
    this.#isStatic = device.shapes === "static";
  }

  /** Splits a value with the tensor's shape to `[batch, length, heads, headDim]`. */
  apart(x: string, [batch, length]: readonly number[], heads: number, headDim: number): string {
    const sizes = this.#isStatic ? [batch!, length!, heads, headDim] : [0, 0, heads, headDim];
    return reshape(this.#recorder, x, sizes);
  }

  /** The inverse of {@link HeadAxes.apart}: rows with the given shape. */
  together(x: string, [, length = 1, width = 1]: readonly number[]): string {
    return reshape(this.#recorder, x, this.#isStatic ? [length, width] : [0, 0, width]);
  }

  /** Rows to heads `[batch, heads, length, headDim]`. */
  split(x: string, shape: readonly number[], heads: number, headDim: number): string {
    if (this.#isStatic && shape[1] === 1) return reshape(this.#recorder, x, [1, heads, 1, headDim]);
    return transposeAxes(this.#recorder, this.apart(x, shape, heads, headDim), [0, 2, 1, 3]);
  }

  /** Folds heads into the rows of one product per KV head. */
  fold(x: string, [batch, length]: readonly number[], { heads, kvHeads, headDim }: HeadLayout): string {
    if (heads === kvHeads) return x;
    const sizes = this.#isStatic
      ? [batch!, kvHeads, (heads / kvHeads) * length!, headDim]
      : [0, kvHeads, -1, headDim];
    return reshape(this.#recorder, x, sizes);
  }

  /** Unfolds `[batch, kvHeads, group·length, headDim]` to rows with the shape of `query`. */
  merge(x: string, query: Tensor, { heads, kvHeads, headDim }: HeadLayout): string {
    const [batch = 1, length = 1] = query.shape;
    const width = heads * headDim;
    if (this.#isStatic && length === 1) return reshape(this.#recorder, x, [1, width]);
    const apart = this.#isStatic ? [batch, heads, length, headDim] : [0, heads, -1, headDim];
    const unfolded = heads === kvHeads ? x : reshape(this.#recorder, x, apart);
    const rows = transposeAxes(this.#recorder, unfolded, [0, 2, 1, 3]);
    return reshape(this.#recorder, rows, this.#isStatic ? [length, width] : [0, 0, width]);
  }
}
