/** Cases of the rules in combinations.ts, special-operators.ts and layouts.ts, each found by a compiler (npm run interop:compilers -- --group random). */
import { int, ints, text } from "@slm/onnx";
import {
  F,
  input,
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
  return [
    {
      rule: "attribute",
      what: "dilations with padding that is computed",
      bad: dilated("SAME_UPPER"),
      good: dilated("VALID"),
      says: /dilations \[2,2\], auto_pad SAME_UPPER/,
    },
    {
      rule: "rank",
      what: "a matrix product of 5 axes that repeats an operand",
      bad: product(1),
      good: product(2),
      says: /needs equal axes before the last two/,
    },
    {
      rule: "operator",
      what: "an operator before others that must be the last",
      bad: normalized(false),
      good: normalized(true),
      says: /only as the last operator/,
    },
    {
      rule: "rank",
      what: "an input without elements where the device needs one",
      bad: expanded([]),
      good: expanded([1]),
      says: /input 1 of Expand has no elements/,
    },
    {
      rule: "rank",
      what: "too many axes of an element type",
      bad: added("int64"),
      good: added("int32"),
      says: /is int64; .* supports 4 axes of this type/,
    },
    {
      rule: "rank",
      what: "booleans of too many axes",
      bad: single("Not", {}, [1, 1, 1, 2, 4]),
      good: single("Not", {}, [1, 1, 2, 4]),
      says: /supports 4 for Not/,
    },
    {
      rule: "attribute",
      what: "scales that do not give whole sizes",
      bad: cubic(0.5),
      good: cubic(2),
      says: /needs whole sizes/,
    },
    {
      rule: "operator",
      what: "a quantized change of layout that is the whole model",
      bad: transposed([0, 2, 3, 1]),
      good: transposed([0, 2, 1, 3]),
      says: /between an input and an output/,
    },
    {
      rule: "attribute",
      what: "transposed windows that are narrower than the strides",
      bad: widened(1),
      good: widened(2),
      says: /windows \[1,1\] with strides \[2,2\] and auto_pad/,
    },
    {
      rule: "rank",
      what: "updates with more axes than the data",
      bad: scattered([1, 1, 1]),
      good: scattered([1, 1]),
      says: /has 5 axes, more than the data/,
    },
    {
      rule: "rank",
      what: "a quantized normalization of single elements",
      bad: narrow(1),
      good: narrow(2),
      says: /last axis .* has 1 elements/,
    },
    {
      rule: "input-count",
      what: "fewer outputs than the device needs",
      bad: split("int64"),
      good: split("int32"),
      says: /Split of int64 has 1 outputs/,
    },
    {
      rule: "qdq-weight",
      what: "weights with scales per channel that are not symmetric",
      bad: quantizedGemm({ zeroPoint: 3 }),
      good: quantizedGemm(),
      says: /scale per channel that are not symmetric/,
    },
    {
      rule: "qdq-form",
      what: "an output that is quantized twice after an operator on images",
      bad: requantized(true),
      good: requantized(false),
      says: /converts an output of the model/,
    },
  ];
}
