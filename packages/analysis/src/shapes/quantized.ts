/** Shape inference of quantization operators. */
import { attributeOf, dtypeOfCode } from "@slm/onnx";
import type { InferRule } from "./context.js";
import type { ValueFacts } from "./facts.js";

const quantize: InferRule = (c) => {
  const stated = dtypeOfCode(attributeOf(c.node, "output_dtype", "int") ?? 0);
  const dtype = c.has(2) ? c.input(2).dtype : (stated ?? "uint8");
  return [{ dtype, shape: c.shape(0) }];
};

const dequantize: InferRule = (c) => {
  const stated = dtypeOfCode(attributeOf(c.node, "output_dtype", "int") ?? 0);
  return [{ dtype: stated ?? c.input(1).dtype, shape: c.shape(0) }];
};

const dynamicQuantize: InferRule = (c) => [
  { dtype: "uint8", shape: c.shape(0) },
  { dtype: "float32", shape: [] },
  { dtype: "uint8", shape: [] },
];

/** Rows of a table of 4- or 8-bit blocks; a uint8 table of 4-bit numbers has two per byte. */
const gatherBlocks: InferRule = (c) => {
  const [table, indices] = [c.input(0), c.input(1)];
  const dtype = c.input(2).dtype;
  if (table.shape === undefined || indices.shape === undefined) return [{ dtype }];
  const axis = c.axis("gather_axis", 0, table.shape.length);
  const packed = table.dtype === "uint8" ? 8 / c.int("bits", 4) : 1;
  const sizes = table.shape.map((size, place) =>
    typeof size === "number" && place === table.shape!.length - 1 ? size * packed : size,
  );
  if (axis === undefined) return [{ dtype }];
  return [{ dtype, shape: [...sizes.slice(0, axis), ...indices.shape, ...sizes.slice(axis + 1)] }];
};

const likeQuantized =
  (output: (facts: ValueFacts) => ValueFacts): InferRule =>
  (c) => [output(c.input(0))];

export const QUANTIZED: Readonly<Record<string, InferRule>> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: dynamicQuantize,
};

export const CONTRIB_QUANTIZED: Readonly<Record<string, InferRule>> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  GatherBlockQuantized: gatherBlocks,
  QLinearSigmoid: likeQuantized(({ dtype, shape }) => ({ dtype, shape })),
  QLinearLeakyRelu: likeQuantized(({ dtype, shape }) => ({ dtype, shape })),
  QLinearSoftmax: likeQuantized(({ dtype, shape }) => ({ dtype, shape })),
  QLinearAdd: (c) => [{ dtype: c.input(0).dtype, shape: c.broadcast(0, 3) }],
  QLinearMul: (c) => [{ dtype: c.input(0).dtype, shape: c.broadcast(0, 3) }],
};
