/** Element types by their number in a GGUF file. Source: ggml.h, `enum ggml_type`. */
import type { BlockType } from "./block-type.js";
import { Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 } from "./block-types.js";
import { Q2_K, Q3_K } from "./k-types-low.js";
import { Q4_K, Q5_K, Q6_K } from "./k-types.js";
import { IQ4_NL, IQ4_XS } from "./lookup-types.js";
import { BF16, F16, F32 } from "./plain-types.js";

/** One entry per supported type. */
const READ: ReadonlyMap<number, BlockType> = new Map([
  [0, F32],
  [1, F16],
  [2, Q4_0],
  [3, Q4_1],
  [6, Q5_0],
  [7, Q5_1],
  [8, Q8_0],
  [10, Q2_K],
  [11, Q3_K],
  [12, Q4_K],
  [13, Q5_K],
  [14, Q6_K],
  [20, IQ4_NL],
  [23, IQ4_XS],
  [30, BF16],
]);

/** Names of known but unsupported types, for the error message. */
const NOT_READ: ReadonlyMap<number, string> = new Map([
  [9, "Q8_1"],
  [15, "Q8_K"],
  [16, "IQ2_XXS"],
  [17, "IQ2_XS"],
  [18, "IQ3_XXS"],
  [19, "IQ1_S"],
  [21, "IQ3_S"],
  [22, "IQ2_S"],
  [24, "I8"],
  [25, "I16"],
  [26, "I32"],
  [27, "I64"],
  [28, "F64"],
  [29, "IQ1_M"],
  [34, "TQ1_0"],
  [35, "TQ2_0"],
  [39, "MXFP4"],
]);

/** Names of all supported types. */
export const TENSOR_TYPES: readonly string[] = [...READ.values()].map(({ name }) => name);

/** The type for a number; only its name if it is known but not supported; undefined for an unknown number. */
export function tensorType(number: number): BlockType | string | undefined {
  return READ.get(number) ?? NOT_READ.get(number);
}

/** A type by its name. */
export function tensorTypeByName(name: string): BlockType | undefined {
  return [...READ.values()].find((type) => type.name === name);
}
