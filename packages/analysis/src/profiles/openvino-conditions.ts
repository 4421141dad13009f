/** Conditions of single operators that only Intel's compiler has. Source: the compiler; see `openvino.ts`. */
import { attributeOf, type OnnxDType } from "@slm/onnx";
import { operatorName } from "../graph/finding.js";
import { partsOfUnit, quantizedTypeOf } from "../graph/quantized-graph.js";
import { shapeText } from "../shapes/facts.js";
import type { PlacedNode } from "../graph/scope.js";
import { isNumber } from "../shapes/facts.js";
import type { Condition } from "./profile.js";

/** From a rank on, the first axis of the data has one element. @param types types of the data that this concerns; default: all */
export const singleBatch =
  (from: number, types?: readonly OnnxDType[]): Condition =>
  (placed, profile) => {
    const { node, scope } = placed;
    const { shape, dtype } = scope.of(node.inputs[0] ?? "");
    if (shape === undefined || shape.length < from || shape[0] === 1) return undefined;
    const type = quantizedTypeOf(profile, placed) ?? dtype;
    if (type !== undefined && types?.includes(type) === false) return undefined;
    return {
      rule: "rank",
      message: `${operatorName(node)} of ${shapeText(shape)}; ${profile.label} needs a first axis of 1`,
      advice: "split the data along this axis before it",
    };
  };

/** Indices have the sizes of the data, apart from the size of `axis`. */
export const fullIndices: Condition = ({ node, scope }, profile) => {
  const [shape, chosen] = node.inputs.slice(0, 2).map((value) => scope.of(value).shape);
  if (shape === undefined || chosen === undefined) return undefined;
  const axis = attributeOf(node, "axis", "int") ?? 0;
  const along = axis < 0 ? axis + shape.length : axis;
  if (chosen.every((size, at) => at === along || size === shape[at])) return undefined;
  return {
    rule: "rank",
    message: `${operatorName(node)} of ${shapeText(shape)} with indices ${shapeText(chosen)}; ${profile.label} needs equal sizes apart from axis ${axis}`,
    advice: "slice the data before it",
  };
};

/** A scalar does not select an element of the first axis of data quantized to some types. */
export const noRows =
  (types: readonly OnnxDType[]): Condition =>
  (placed, profile) => {
    const { node, scope } = placed;
    const [data, chosen, selected] = [node.inputs[0], node.inputs[1], node.outputs[0]].map(
      (value) => scope.of(value ?? "").shape,
    );
    const isRow = (attributeOf(node, "axis", "int") ?? 0) % (data?.length ?? 1) === 0;
    if (!isRow || chosen?.length !== 0 || selected?.length === 0) return undefined;
    const dtype = quantizedTypeOf(profile, placed);
    if (dtype === undefined || !types.includes(dtype)) return undefined;
    return {
      rule: "rank",
      message: `${operatorName(node)} of ${dtype} selects with a scalar along the first axis; ${profile.label} does not support this`,
      advice: "use an index of one axis, and Squeeze after it",
    };
  };

/** `num_outputs` divides the size of the axis. */
export const evenOutputs: Condition = ({ node, scope }, profile) => {
  const count = attributeOf(node, "num_outputs", "int");
  const size = scope.of(node.inputs[0] ?? "").shape?.at(attributeOf(node, "axis", "int") ?? 0);
  if (count === undefined || size === undefined || !isNumber(size) || size % count === 0) return undefined;
  return {
    rule: "attribute",
    message: `${operatorName(node)} splits ${size} elements into ${count} outputs; ${profile.label} needs equal sizes`,
    advice: "give the sizes as an input",
  };
};

/** Of data with this rank, only one axis is padded. */
export const lonePad =
  (rank: number): Condition =>
  ({ node, scope }, profile) => {
    if (scope.of(node.inputs[0] ?? "").shape?.length !== rank) return undefined;
    const pads = scope.numbersOf(node.inputs[1] ?? "") ?? [];
    const count = pads.length / 2;
    const padded = pads.slice(0, count).filter((before, axis) => before !== 0 || pads[axis + count] !== 0);
    if (padded.length < 2) return undefined;
    return {
      rule: "attribute",
      message: `${operatorName(node)} pads ${padded.length} axes of ${rank}; ${profile.label} pads only one`,
      advice: "pad one axis after the other",
    };
  };

/** Images with padding on the left, which does not count, also have padding at the top. */
export const topWithLeft: Condition = (placed, profile) => {
  const { node } = placed;
  if (attributeOf(node, "count_include_pad", "int") === 1) return undefined;
  const [top, left, ...more] = paddingBefore(placed);
  if (top !== 0 || left === undefined || left === 0 || more.length > 0) return undefined;
  return {
    rule: "attribute",
    message: `${operatorName(node)} pads the left and not the top; ${profile.label} does not support this`,
    advice: "pad with Pad before it",
  };
};

/** Padding before the data by axis of the windows. Source: `auto_pad` of AveragePool in the documentation of ONNX. */
function paddingBefore({ node, scope }: PlacedNode): readonly number[] {
  const kernel = attributeOf(node, "kernel_shape", "ints") ?? [];
  const padding = attributeOf(node, "auto_pad", "string") ?? "NOTSET";
  const pads = attributeOf(node, "pads", "ints") ?? [];
  if (!padding.startsWith("SAME"))
    return kernel.map((_, axis) => (padding === "VALID" ? 0 : (pads[axis] ?? 0)));
  const strides = attributeOf(node, "strides", "ints") ?? [];
  const sizes = scope.of(node.inputs[0] ?? "").shape?.slice(2) ?? [];
  return kernel.map((width, axis) => {
    const [size, stride] = [sizes[axis], strides[axis] ?? 1];
    if (size === undefined || !isNumber(size)) return 0;
    const both = Math.max(0, (Math.ceil(size / stride) - 1) * stride + width - size);
    return padding === "SAME_LOWER" ? Math.ceil(both / 2) : Math.floor(both / 2);
  });
}

/** The axes in an input are all positive or all negative. */
export const oneSign =
  (input: number): Condition =>
  ({ node, scope }, profile) => {
    const axes = scope.numbersOf(node.inputs[input] ?? "");
    if (axes?.some((axis) => axis < 0) !== true || axes.every((axis) => axis < 0)) return undefined;
    return {
      rule: "attribute",
      message: `axes of ${operatorName(node)} are ${axes.join(", ")}; ${profile.label} needs one sign`,
      advice: "write all axes as positive numbers",
    };
  };

/** Whether a Slice of 2 or more axes has a step along one axis only, and its end is at most one element before the data. */
function isBounded({ node, scope }: PlacedNode, at: number): boolean {
  const [ends, axes, all] = [2, 3, 4].map((index) => scope.numbersOf(node.inputs[index] ?? ""));
  const shape = scope.of(node.inputs[0] ?? "").shape ?? [];
  const size = shape.at(axes?.[at] ?? at);
  const isAlone = all?.every((step, index) => index === at || step === 1) === true;
  return isAlone && shape.length > 1 && isNumber(size) && (ends?.[at] ?? -Infinity) >= -1 - size;
}

/**
 * Steps of Slice: a negative one needs data of 2 or more axes, an end of at least -1 - size, and no other steps. Float data of a higher rank
 * than `maxRank` has steps of 1, unless the first axis has one element.
 */
export const steps =
  (maxRank: number): Condition =>
  (placed, profile) => {
    const { node, scope } = placed;
    const { shape = [] } = scope.of(node.inputs[0] ?? "");
    const selected = scope.of(node.outputs[0] ?? "").shape;
    const axes = scope.numbersOf(node.inputs[3] ?? "");
    const isWide = shape.length > maxRank && shape[0] !== 1 && partsOfUnit(profile, placed).length === 0;
    const step = scope
      .numbersOf(node.inputs[4] ?? "")
      ?.find(
        (one, at) =>
          (one < 0 && !isBounded(placed, at)) ||
          (isWide && Math.abs(one) > 1 && selected?.at(axes?.[at] ?? at) !== 1),
      );
    if (step === undefined) return undefined;
    const wanted =
      step < 0
        ? "negative steps of 2 or more axes, with an end of at least -1 - size"
        : `steps of 1 for data of more than ${maxRank} axes`;
    return {
      rule: "attribute",
      message: `${operatorName(node)} with step ${step}; ${profile.label} supports only ${wanted}`,
      advice: "gather the elements instead",
    };
  };
