/** Cases of the rules in combinations.ts, each found by a compiler (npm run interop:compilers -- --group random). */
import { int, ints, text } from "@slm/onnx";
import { F, input, output, single, type Build, type Case } from "./build.test-support.js";

const resized =
  (nearest: string): Build =>
  (g) => {
    const scales = g.constant(F, [4], [1, 1, 2, 1.5]);
    const attributes = {
      mode: text("nearest"),
      coordinate_transformation_mode: text("asymmetric"),
      nearest_mode: text(nearest),
    };
    output(g, g.op("Resize", [input(g, [1, 4, 8, 8]), "", scales], { attributes }), [1, 4, 16, 12]);
  };

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

const gathered =
  (axis: number): Build =>
  (g) => {
    const shape = [2, 2, 2, 2, 2];
    output(g, g.op("Gather", [input(g, shape), g.ints([0, 1])], { attributes: { axis: int(axis) } }), shape);
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
    const x = g.op("DequantizeLinear", [g.input("x", "uint8", [2, 4]), scale, zero]);
    const y = g.op("QuantizeLinear", [g.op("Relu", [x]), scale, zero]);
    const again = isAgain
      ? g.op("QuantizeLinear", [g.op("DequantizeLinear", [y, scale, zero]), scale, zero])
      : y;
    output(g, again, [2, 4], "uint8");
  };

export function combinationsCases(): readonly Case[] {
  return [
    {
      rule: "attribute",
      severity: "error",
      what: "a nearest pixel in the middle between two of asymmetric coordinates",
      bad: resized("round_prefer_floor"),
      good: resized("floor"),
      says: /nearest_mode round_prefer_floor/,
    },
    {
      rule: "attribute",
      severity: "error",
      what: "dilations with padding that is computed",
      bad: dilated("SAME_UPPER"),
      good: dilated("VALID"),
      says: /dilations \[2,2\], auto_pad SAME_UPPER/,
    },
    {
      rule: "attribute",
      severity: "error",
      what: "5 axes gathered along the first",
      bad: gathered(0),
      good: gathered(1),
      says: /rank 5, axis 0/,
    },
    {
      rule: "rank",
      severity: "error",
      what: "a matrix product of 5 axes that repeats an operand",
      bad: product(1),
      good: product(2),
      says: /needs equal axes before the last two/,
    },
    {
      rule: "operator",
      severity: "error",
      what: "an operator before others that must be the last",
      bad: normalized(false),
      good: normalized(true),
      says: /only as the last operator/,
    },
    {
      rule: "rank",
      severity: "error",
      what: "an input without elements where the device needs one",
      bad: expanded([]),
      good: expanded([1]),
      says: /input 1 of Expand has no elements/,
    },
    {
      rule: "rank",
      severity: "error",
      what: "too many axes of an element type",
      bad: added("int64"),
      good: added("int32"),
      says: /is int64; .* supports 4 axes of this type/,
    },
    {
      rule: "rank",
      severity: "error",
      what: "booleans of too many axes",
      bad: single("Not", {}, [1, 1, 1, 2, 4]),
      good: single("Not", {}, [1, 1, 2, 4]),
      says: /supports 4 for Not/,
    },
    {
      rule: "qdq-form",
      severity: "error",
      what: "an output that is quantized twice",
      bad: requantized(true),
      good: requantized(false),
      says: /quantized a second time/,
    },
  ];
}
