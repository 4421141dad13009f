/** Small groups of nodes that several lowerings share. Dynamic graphs read sizes when they run. */
import { int, ints, ONNX_DTYPES, type AttributeValue, type OnnxDType } from "@slm/onnx";
import type { Recorder } from "@slm/tensor";

/** The part of a recorder that these functions need. */
type Building = Pick<Recorder, "builder">;

export function cast({ builder }: Building, value: string, dtype: OnnxDType): string {
  return builder.op("Cast", [value], { attributes: { to: int(ONNX_DTYPES[dtype].code) } });
}

/** Runs `body` on a value in float32 and casts the result to `dtype`, for computations that would overflow or lose precision. */
export function inFloat32(
  recorder: Building,
  value: string,
  dtype: OnnxDType,
  body: (value: string) => string,
): string {
  if (dtype === "float32") return body(value);
  return cast(recorder, body(cast(recorder, value, "float32")), dtype);
}

/** A float32 value in a graph's precision. */
export const inPrecision = (recorder: Building, value: string, precision: OnnxDType): string =>
  precision === "float32" ? value : cast(recorder, value, precision);

/** Size of one axis of `value`, int32 `[1]`. */
export function sizeOf(recorder: Building, value: string, axis: number): string {
  return cast(recorder, shapeOf(recorder, value, axis), "int32");
}

/** Size of one axis of `value`, int64 `[1]`, for shape inputs of other nodes. */
export function shapeOf({ builder }: Building, value: string, axis: number): string {
  return builder.op("Shape", [value], { attributes: { start: int(axis), end: int(axis + 1) } });
}

/** 0, 1, ..., `count` - 1 for an int32 `[1]` count: int32 `[count]`. */
export function countUp(recorder: Building, count: string): string {
  const { builder } = recorder;
  const scalar = (value: number): string => builder.constant("int32", [], [value]);
  return builder.op("Range", [scalar(0), builder.op("Reshape", [count, builder.ints([])]), scalar(1)]);
}

/** One int32 as a vector `[1]`. */
export function int32({ builder }: Building, value: number): string {
  return builder.constant("int32", [1], [value]);
}

/** Reshape. Size 0 keeps the input's size of that axis; -1 is inferred. */
export function reshape({ builder }: Building, value: string, sizes: readonly number[]): string {
  return builder.op("Reshape", [value, builder.ints(sizes)]);
}

export function transposeAxes({ builder }: Building, value: string, perm: readonly number[]): string {
  return builder.op("Transpose", [value], { attributes: { perm: ints(perm) } });
}

/** Elements `from` to `to` - 1 of one axis, with constant bounds. */
export function sliceAxis(
  { builder }: Building,
  value: string,
  [axis, from, to]: readonly [axis: number, from: number, to: number],
): string {
  return builder.op("Slice", [value, builder.ints([from]), builder.ints([to]), builder.ints([axis])]);
}

/** The end of an axis: larger than any sequence. */
export const TO_THE_END = 2 ** 31 - 1;

/** Every `step`-th element of one axis, starting at `from`. */
export const everyNth = (
  { builder }: Building,
  value: string,
  { axis, from = 0, step }: { readonly axis: number; readonly from?: number; readonly step: number },
): string =>
  builder.op("Slice", [value, ...[from, TO_THE_END, axis, step].map((number) => builder.ints([number]))]);

export function concat({ builder }: Building, values: readonly string[], axis: number): string {
  return builder.op("Concat", values, { attributes: { axis: int(axis) } });
}

export type Attributes = Readonly<Record<string, AttributeValue>>;
