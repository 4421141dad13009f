/** Tables of the element types and ranks that a compiler accepted, with one row for all operators with the same signature. */
import type { OnnxDType } from "@slm/onnx";
import type { OperatorSupport } from "./profile.js";

export interface Signature {
  /** Element types of data that are not quantized, by their short names: `f32 i64`. */
  readonly plain: string;
  /** Types of activations between DequantizeLinear and QuantizeLinear. Empty: the form is not supported. */
  readonly quantized: string;
  /** Highest rank of an input or output. */
  readonly maxRank: number;
  /** Highest rank by element type, if different. */
  readonly maxRankOf?: string;
  /** Index of the data input; default 0. */
  readonly data?: number;
  readonly operators: string;
}

const SHORT: Readonly<Record<string, OnnxDType>> = {
  f32: "float32",
  f16: "float16",
  b: "bool",
  i32: "int32",
  i64: "int64",
  u32: "uint32",
  u64: "uint64",
  s8: "int8",
  u8: "uint8",
  s16: "int16",
  u16: "uint16",
  s4: "int4",
  u4: "uint4",
};

const list = (text: string): readonly string[] => text.split(/\s+/).filter(Boolean);

/** The words of a text. */
export const words = (text: string): ReadonlySet<string> => new Set(list(text));

function typeOf(name: string): OnnxDType {
  const dtype = SHORT[name];
  if (dtype === undefined) throw new TypeError(`unknown element type '${name}'`);
  return dtype;
}

const types = (text: string): readonly OnnxDType[] => list(text).map(typeOf);

/** `f32:5 u8:4` */
function rankOf(text: string): Readonly<Partial<Record<OnnxDType, number>>> {
  return Object.fromEntries(
    list(text).map((pair) => {
      const [name = "", rank = ""] = pair.split(":");
      return [typeOf(name), Number(rank)];
    }),
  );
}

/** Combines signatures with the other conditions of operators to rows of a profile. */
export function operatorsOf(
  signatures: readonly Signature[],
  limited: Readonly<Record<string, OperatorSupport>>,
): Readonly<Record<string, OperatorSupport>> {
  const rows: Record<string, OperatorSupport> = {};
  for (const { plain, quantized, maxRank, maxRankOf, data = 0, operators } of signatures) {
    const signature = {
      types: types(plain),
      quantizedTypes: types(quantized),
      maxRank,
      data,
      ...(maxRankOf !== undefined && { maxRankOf: rankOf(maxRankOf) }),
    };
    for (const name of list(operators)) rows[name] = { ...signature, ...limited[name] };
  }
  for (const [name, row] of Object.entries(limited)) rows[name] ??= row;
  return rows;
}
