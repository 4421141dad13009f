/** Cases of the rules in combinations.ts, special-operators.ts and layouts.ts, each found by a compiler (npm run interop:compilers -- --group random). */
import { int, ints, text } from "@slm/onnx";
import {
  F,
  input,
  opposites,
  output,
  quantized,
  quantizedGemm,
  single,
  type Build,
  type Case,
} from "./build.test-support.js";

const dilated =
  (padding: string): Build =>
  (g) => {
    const weight = g.constant(
      F,
      [4, 4, 1, 1],
      Array.from({ length: 16 }, () => 1),
    );
    const attributes = { auto_pad: text(padding), dilations: ints([2, 2]) };
    output(g, g.op("Conv", [input(g, [1, 4, 8, 8]), weight], { attributes }), [1, 4, 8, 8]);
  };

const product =
  (batch: number): Build =>
  (g) => {
    const w = g.input("w", F, [batch, 2, 3, 5, 6]);
    output(g, g.op("MatMul", [input(g, [2, 2, 3, 4, 5]), w]), [2, 2, 3, 4, 6]);
  };

const normalized =
  (isLast: boolean): Build =>
  (g) => {
    const ones = g.constant(F, [4], [1, 1, 1, 1]);
    const x = input(g, [1, 4, 3, 3]);
    const y = g.op("GroupNormalization", [x, ones, ones], { attributes: { num_groups: int(2) } });
    output(g, isLast ? y : g.op("Relu", [y]), [1, 4, 3, 3]);
  };

const expanded =
  (sizes: readonly number[]): Build =>
  (g) => {
    output(g, g.op("Expand", [input(g, []), g.ints(sizes)]), sizes);
  };

const added =
  (dtype: "int32" | "int64"): Build =>
  (g) => {
    const x = input(g, [1, 2, 2, 2, 2], dtype);
    output(g, g.op("Add", [x, x]), [1, 2, 2, 2, 2], dtype);
  };

const requantized =
  (isAgain: boolean): Build =>
  (g) => {
    const [scale, zero] = [g.constant(F, [], [0.5]), g.constant("uint8", [], [0])];
    const x = g.op("DequantizeLinear", [g.input("x", "uint8", [1, 2, 2, 4]), scale, zero]);
    const y = g.op("QuantizeLinear", [g.op("GlobalAveragePool", [x]), scale, zero]);
    const again = isAgain
      ? g.op("QuantizeLinear", [g.op("DequantizeLinear", [y, scale, zero]), scale, zero])
      : y;
    output(g, again, [1, 2, 1, 1], "uint8");
  };

const cubic =
  (scale: number): Build =>
  (g) => {
    const scales = g.constant(F, [4], [1, 1, 1, scale]);
    const y = g.op("Resize", [input(g, [1, 1, 4, 9]), "", scales], { attributes: { mode: text("cubic") } });
    output(g, y, [1, 1, 4, Math.floor(9 * scale)]);
  };

const transposed =
  (perm: readonly number[]): Build =>
  (g) => {
    quantized(g, (x) => g.op("Transpose", [x], { attributes: { perm: ints(perm) } }), [2, 3, 3, 5]);
  };

const narrow =
  (size: number): Build =>
  (g) => {
    const [scale, zero] = [g.constant(F, [], [0.5]), g.constant("uint8", [], [0])];
    const codes = g.constant(
      "uint8",
      [size],
      Array.from({ length: size }, () => 1),
    );
    const weight = g.op("DequantizeLinear", [codes, scale, zero]);
    quantized(g, (x) => g.op("SimplifiedLayerNormalization", [x, weight]), [3, size]);
  };

const widened =
  (size: number): Build =>
  (g) => {
    const ones = Array.from({ length: size * size }, () => 1);
    const attributes = { auto_pad: text("SAME_UPPER"), strides: ints([2, 2]) };
    const y = g.op("ConvTranspose", [input(g, [1, 1, 4, 4]), g.constant(F, [1, 1, size, size], ones)], {
      attributes,
    });
    output(g, y, [1, 1, 8, 8]);
  };

const scattered =
  (indices: readonly number[]): Build =>
  (g) => {
    const x = input(g, [2, 2, 2, 2]);
    const updates = g.input("updates", F, [...indices.slice(0, -1), 2, 2, 2]);
    output(g, g.op("ScatterND", [x, g.ints([0], indices), updates]), [2, 2, 2, 2]);
  };

const split =
  (dtype: "int32" | "int64"): Build =>
  (g) => {
    const y = g.op("Split", [input(g, [2, 4], dtype), g.ints([4])], { attributes: { axis: int(1) } });
    output(g, y, [2, 4], dtype);
  };

export function combinationsCases(): readonly Case[] {
  return opposites("qnn", [
    ["attribute", dilated("SAME_UPPER"), dilated("VALID"), /dilations \[2,2\], auto_pad SAME_UPPER/],
    ["rank", product(1), product(2), /needs equal axes before the last two/],
    ["operator", normalized(false), normalized(true), /only as the last operator/],
    ["rank", expanded([]), expanded([1]), /input 1 of Expand has no elements/],
    ["rank", added("int64"), added("int32"), /is int64; .* supports 4 axes of this type/],
    ["rank", single("Not", {}, [1, 1, 1, 2, 4]), single("Not", {}, [1, 1, 2, 4]), /supports 4 for Not/],
    ["attribute", cubic(0.5), cubic(2), /needs whole sizes/],
    ["operator", transposed([0, 2, 3, 1]), transposed([0, 2, 1, 3]), /between an input and an output/],
    ["attribute", widened(1), widened(2), /windows \[1,1\] with strides \[2,2\] and auto_pad/],
    ["rank", scattered([1, 1, 1]), scattered([1, 1]), /has 5 axes, more than the data/],
    ["rank", narrow(1), narrow(2), /last axis .* has 1 elements/],
    ["input-count", split("int64"), split("int32"), /Split of int64 has 1 outputs/],
    ["qdq-weight", quantizedGemm({ zeroPoint: 3 }), quantizedGemm(), /per channel that are not symmetric/],
    ["qdq-form", requantized(true), requantized(false), /converts an output of the model/],
  ]);
}
