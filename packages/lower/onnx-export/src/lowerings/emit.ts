/** Small pieces of graph that several lowerings share. Sizes of batch, source and target are read when the graph runs. */
import { int, ints, type AttributeValue } from "@slm/graph";
import type { Recorder } from "@slm/tensor";

/** ONNX's numbers of the integer types, as `Cast` takes them. */
export const INT32 = 6;
export const INT64 = 7;

/** Size of one axis of `value`, int32 `[1]`. */
export function sizeOf({ builder }: Recorder, value: string, axis: number): string {
  return builder.op("Cast", [shapeOf({ builder }, value, axis)], { attributes: { to: int(INT32) } });
}

/** Size of one axis of `value`, int64 `[1]`, as shapes of other nodes are given. */
export function shapeOf({ builder }: Pick<Recorder, "builder">, value: string, axis: number): string {
  return builder.op("Shape", [value], { attributes: { start: int(axis), end: int(axis + 1) } });
}

/** One int32 as a vector `[1]`. */
export function int32({ builder }: Recorder, value: number): string {
  return builder.constant("int32", [1], [value]);
}

/** Reshape to sizes of which 0 keeps the input's size at that place and one -1 takes what is left. */
export function reshape({ builder }: Recorder, value: string, sizes: readonly number[]): string {
  return builder.op("Reshape", [value, builder.ints(sizes)]);
}

export function transposeAxes({ builder }: Recorder, value: string, perm: readonly number[]): string {
  return builder.op("Transpose", [value], { attributes: { perm: ints(perm) } });
}

export type Attributes = Readonly<Record<string, AttributeValue>>;
