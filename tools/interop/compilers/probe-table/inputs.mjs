/**
 * Operators to probe, as data. A use is {x: inputs, a: attributes, n: number of outputs, opset, domain}; an input is
 *
 * - `T([sizes])`: computed, of the type under test;
 * - `W([sizes])`: a constant of the type under test;
 * - `I([sizes])`: computed, of a fixed type; `C([sizes], values)`: a constant of a fixed type;
 * - `null`: left out.
 *
 * The first use of a row is its base, which is probed with every element type and QDQ form. `rank` returns the base for other ranks.
 */
/**
 * @typedef {import("@slm/onnx").OnnxDType} Dtype
 *
 * An input of a probe, a use of an operator, and a row of the table.
 *
 * @typedef {{ kind: "T" | "W", shape: number[] } | { kind: "I", shape: number[], dtype: Dtype } | { kind: "C", shape: number[], dtype: Dtype, values: number[] }} Input
 * @typedef {Record<string, string | number | number[]>} Attributes
 * @typedef {{ x: (Input | null)[], a?: Attributes, n?: number, opset?: number }} Use
 * @typedef {(rank: number) => Use} OfRank
 * @typedef {{ uses: Use[], rank?: OfRank | undefined, ranks?: number[] | undefined }} Row
 */

/** @type {(shape: number[]) => Input & { kind: "T" }} */
export const T = (shape) => ({ kind: "T", shape });
/** @type {(shape: number[]) => Input & { kind: "W" }} */
export const W = (shape) => ({ kind: "W", shape });
/** @type {(shape: number[], dtype?: Dtype) => Input} */
export const I = (shape, dtype = "int64") => ({ kind: "I", shape, dtype });
/** @type {(values: number[], dtype?: Dtype, shape?: number[]) => Input} */
export const C = (values, dtype = "int64", shape = [values.length]) => ({ kind: "C", shape, dtype, values });

const SIZES = [2, 1, 3, 4, 5, 6];
/** Sizes of a tensor with this many axes. */
export const sizes = (/** @type {number} */ rank) => SIZES.slice(SIZES.length - rank);

export const names = (/** @type {string} */ text) => text.trim().split(/\s+/u);
export const base = sizes(4);

/** @type {(uses: Use[], rank?: OfRank, ranks?: number[]) => Row} */
export const moving = (uses, rank, ranks) => ({ uses, rank, ranks });

export const image = (/** @type {number} */ rank, size = 8) => [
  1,
  4,
  ...Array.from({ length: rank - 2 }, () => size),
];
export const kernel = (/** @type {number} */ rank) => Array.from({ length: rank - 2 }, () => 3);
export const twice = (/** @type {number} */ rank, /** @type {number} */ value) =>
  Array.from({ length: 2 * (rank - 2) }, () => value);
export const once = (/** @type {number} */ rank, /** @type {number} */ value) =>
  Array.from({ length: rank - 2 }, () => value);
