/** Cases of the profile `openvino`, each found by its compiler (npm run interop:compilers -- --compiler openvino, groups random and backend). */
import { int, ints, text } from "@slm/onnx";
import { F, input, opposites, output, quantized, type Build, type Case } from "./build.test-support.js";

const sliced =
  (shape: readonly number[], step: number): Build =>
  (g) => {
    const [start, end, axis] = [0, shape.at(-1)!, shape.length - 1].map((value) => g.ints([value]));
    const y = g.op("Slice", [input(g, shape), start!, end!, axis!, g.ints([step])]);
    output(g, y, [...shape.slice(0, -1), Math.ceil(shape.at(-1)! / step)]);
  };

const reversed =
  (end: number): Build =>
  (g) => {
    const [start, to, axis] = [-1, end, 1].map((value) => g.ints([value]));
    output(g, g.op("Slice", [input(g), start!, to!, axis!, g.ints([-1])]));
  };

const padded =
  (pads: readonly number[]): Build =>
  (g) => {
    const sizes = [2 + pads[0]! + pads[2]!, 4 + pads[1]! + pads[3]!];
    output(g, g.op("Pad", [input(g), g.ints(pads)]), sizes);
  };

const folded =
  (batch: number): Build =>
  (g) => {
    const attributes = { blocksize: int(2) };
    output(g, g.op("SpaceToDepth", [input(g, [batch, 4, 8, 4])], { attributes }), [batch, 16, 4, 2]);
  };

const chosen =
  (indices: readonly number[]): Build =>
  (g) => {
    const y = g.op("GatherElements", [input(g, [4, 8, 6]), g.input("i", "int64", indices)], {
      attributes: { axis: int(-1) },
    });
    output(g, y, indices);
  };

const rooted =
  (shape: readonly number[]): Build =>
  (g) => {
    quantized(g, (x) => g.op("Sqrt", [x]), shape);
  };

const selected =
  (dtype: "uint8" | "uint16"): Build =>
  (g) => {
    const [scale, zero] = [g.constant(F, [], [0.5]), g.constant(dtype, [], [0])];
    const x = g.op("DequantizeLinear", [g.input("x", dtype, [4, 6]), scale, zero]);
    const y = g.op("Gather", [x, g.constant("int64", [], [1])]);
    output(g, g.op("QuantizeLinear", [y, scale, zero]), [6], dtype);
  };

const divided =
  (size: number): Build =>
  (g) => {
    const attributes = { axis: int(1), num_outputs: int(2) };
    const [y = ""] = g.node("Split", [input(g, [3, size])], { attributes, outputs: 2 });
    output(g, y, [3, Math.ceil(size / 2)]);
  };

const averaged =
  (padding: string): Build =>
  (g) => {
    const attributes = { kernel_shape: ints([1, 3]), strides: ints([2, 3]), auto_pad: text(padding) };
    output(g, g.op("AveragePool", [input(g, [1, 3, 4, 5])], { attributes }), [1, 3, 2, 2]);
  };

const summed =
  (dtype: "uint8" | "uint16"): Build =>
  (g) => {
    const [scale, zero] = [g.constant(F, [], [0.5]), g.constant(dtype, [], [0])];
    const x = g.op("DequantizeLinear", [g.input("x", dtype, [4, 6]), scale, zero]);
    output(g, g.op("Add", [x, x]), [4, 6]);
  };

const convolved =
  (size: readonly number[]): Build =>
  (g) => {
    const ones = size.map(() => 1);
    const y = g.op("Conv", [input(g, [1, 2, ...size]), g.input("w", F, [4, 2, ...ones])]);
    output(g, y, [1, 4, ...size]);
  };

const multiplied =
  (dtype: "uint8" | "int16"): Build =>
  (g) => {
    const [scale, zero] = [g.constant(F, [], [0.5]), g.constant(dtype, [], [0])];
    const [x, w] = ["x", "w"].map((name) =>
      g.op("DequantizeLinear", [g.input(name, dtype, [4, 4]), scale, zero]),
    );
    output(g, g.op("QuantizeLinear", [g.op("MatMul", [x!, w!]), scale, zero]), [4, 4], dtype);
  };

/** A product of an input of the model that is uint16, or of one that the model itself quantizes. */
const wide =
  (isQuantized: boolean): Build =>
  (g) => {
    const [scale, zero] = [g.constant(F, [], [0.5]), g.constant("uint16", [], [0])];
    const codes = isQuantized
      ? g.input("x", "uint16", [4, 4])
      : g.op("QuantizeLinear", [g.input("x", F, [4, 4]), scale, zero]);
    const x = g.op("DequantizeLinear", [codes, scale, zero]);
    const w = g.op("DequantizeLinear", [g.constant("int8", [4, 4], Array<number>(16).fill(1)), scale]);
    output(g, g.op("MatMul", [x, w]), [4, 4]);
  };

const pooled =
  (dilations: readonly number[], outputs = 1): Build =>
  (g) => {
    const attributes = { kernel_shape: ints([2, 2]), dilations: ints(dilations) };
    const values = g.node("MaxPool", [input(g, [1, 1, 4, 4])], { attributes, outputs });
    const size = 4 - dilations[0]!;
    for (const [at, value] of values.entries())
      g.output(`y${at}`, value, at === 0 ? F : "int64", [1, 1, size, size]);
  };

/** One-hot vectors whose two values are quantized. */
const chosenValues =
  (dtype: "uint8" | "uint16"): Build =>
  (g) => {
    const [scale, zero] = [g.constant(F, [], [0.5]), g.constant(dtype, [], [0])];
    const values = g.op("DequantizeLinear", [g.constant(dtype, [2], [0, 1]), scale, zero]);
    const y = g.op("OneHot", [g.input("x", "int64", [4]), g.constant("int64", [], [6]), values]);
    output(g, g.op("QuantizeLinear", [y, scale, zero]), [4, 6], dtype);
  };

/** A product of uint16 by constant weights. */
const weighted =
  (dtype: "int8" | "uint16"): Build =>
  (g) => {
    const scale = g.constant(F, [], [0.5]);
    const [zero, own] = [g.constant("uint16", [], [0]), g.constant(dtype, [], [0])];
    const x = g.op("DequantizeLinear", [g.input("x", "uint16", [4, 4]), scale, zero]);
    const w = g.op("DequantizeLinear", [g.constant(dtype, [4, 4], Array<number>(16).fill(1)), scale, own]);
    output(g, g.op("QuantizeLinear", [g.op("MatMul", [x, w]), scale, zero]), [4, 4], "uint16");
  };

export function openvinoCases(): readonly Case[] {
  return opposites("openvino", [
    ["attribute", sliced([2, 2, 2, 2, 6], 2), sliced([1, 2, 2, 2, 6], 2), /only steps of 1 for data/],
    ["attribute", reversed(-1000), reversed(-5), /only negative steps of 2 or more axes/],
    ["attribute", padded([1, 1, 1, 1]), padded([0, 2, 0, 2]), /Pad pads 2 axes of 2/],
    ["rank", folded(2), folded(1), /needs a first axis of 1/],
    ["rank", chosen([4, 5, 2]), chosen([4, 8, 2]), /needs equal sizes apart from axis -1/],
    ["rank", rooted([]), rooted([1]), /Sqrt of scalars is quantized/],
    ["rank", selected("uint8"), selected("uint16"), /selects with a scalar along the first axis/],
    ["attribute", divided(5), divided(6), /splits 5 elements into 2 outputs/],
    ["attribute", averaged("SAME_LOWER"), averaged("SAME_UPPER"), /pads the left and not the top/],
    ["qdq-parameters", summed("uint16"), summed("uint8"), /Add reads uint16 activations/],
    ["constant-input", convolved([4, 4, 4]), convolved([4, 4]), /has computed weights and 5 axes/],
    ["qdq-parameters", multiplied("int16"), multiplied("uint8"), /by computed numbers of int16/],
    ["qdq-parameters", wide(true), wide(false), /MatMul reads uint16 activations/],
    ["qdq-weight", chosenValues("uint8"), chosenValues("uint16"), /OneHot has weights of uint8/],
    ["qdq-weight", weighted("int8"), weighted("uint16"), /MatMul has weights of int8/],
    ["input-count", pooled([1, 1], 2), pooled([1, 1]), /2 outputs of MaxPool are read/],
  ]);
}
