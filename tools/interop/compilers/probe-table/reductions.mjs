/** Operators that reduce axes. */
import { C, I, T, base, moving, names, sizes } from "./inputs.mjs";

/**
 * @typedef {import("./inputs.mjs").Row} Row
 */

/** Axes as an input (from `since` on) and as an attribute. */
/** @type {(since: number) => Row} */
const reduce = (since) => ({
  uses: [
    { x: [T(base), C([3])] },
    { x: [T(base), C([-1])], a: { keepdims: 0 } },
    { x: [T(base), C([1, 2])] },
    { x: [T(base), C([0, 1, 2, 3])], a: { keepdims: 0 } },
    { x: [T(base)] },
    { x: [T(base)], a: { noop_with_empty_axes: 1 } },
    { x: [T(base), I([1])] },
    { x: [T(base)], a: { axes: [3] }, opset: since - 1 },
    { x: [T(base)], a: { axes: [1, 2], keepdims: 0 }, opset: since - 1 },
  ],
  rank: (rank) => ({ x: [T(sizes(rank)), C([-1])] }),
});

/** @type {Row} */
const arg = {
  uses: [{}, { axis: 1 }, { axis: -1, keepdims: 0 }, { axis: 3, select_last_index: 1 }].map((a) => ({
    x: [T(base)],
    a,
  })),
  rank: (rank) => ({ x: [T(sizes(rank))], a: { axis: -1 } }),
};

/** @type {Readonly<Record<string, Row>>} */
export const REDUCTIONS = {
  ReduceSum: reduce(13),
  ...Object.fromEntries(
    names(
      "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare",
    ).map((name) => [name, reduce(18)]),
  ),
  ArgMax: arg,
  ArgMin: arg,
  TopK: moving(
    [{}, { largest: 0 }, { sorted: 0 }, { axis: 1 }].map((a) => ({ x: [T(base), C([2])], a, n: 2 })),
    (rank) => ({ x: [T(sizes(rank)), C([1])], n: 2 }),
    [1, 2, 3, 4, 5],
  ),
};
