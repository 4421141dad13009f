/** Conditions of single operators that only Qualcomm's compiler has. Source: the compiler; see `qnn.ts`. */
import { attributeOf, shorten, type GraphNode, type OnnxDType } from "@slm/onnx";
import { isErfGelu } from "../graph/erf-gelu.js";
import { operatorName } from "../graph/finding.js";
import { dequantizerOf, onlyQuantizerOf, partsOfUnit } from "../graph/quantized-graph.js";
import { shapeText } from "../shapes/facts.js";
import { isNumber } from "../shapes/facts.js";
import type { Condition } from "./profile.js";

/** Erf is supported only in the pattern that the runtime fuses. */
export const insideGelu: Condition = (placed, profile) =>
  isErfGelu(placed)
    ? undefined
    : {
        rule: "operator",
        message: `${profile.label} supports Erf only inside Gelu: x * 0.5 * (1 + erf(x / sqrt 2))`,
        advice: "write Gelu as one operator (opset 20), or keep its formula as Div, Erf, Add, Mul, Mul",
      };

/** Only the caller of the model can read the output. */
export const onlyLast: Condition = ({ node, scope }, profile) =>
  node.outputs.every((value) => scope.readersOf(value).length === 0)
    ? undefined
    : {
        rule: "operator",
        message: `${profile.label} supports ${operatorName(node)} only as the last operator of a model`,
        advice: "write it as Reshape, InstanceNormalization, Reshape, Mul and Add",
      };

/** From a rank on, both operands of a matrix product have the same axes before the last two. */
export const sameBatch =
  (from: number): Condition =>
  ({ node, scope }, profile) => {
    const [a, b] = node.inputs.slice(0, 2).map((value) => scope.of(value).shape);
    if (a === undefined || b === undefined || Math.max(a.length, b.length) < from) return undefined;
    if (a.length === b.length && a.slice(0, -2).every((size, axis) => size === b[axis])) return undefined;
    return {
      rule: "rank",
      message: `${operatorName(node)} of ${shapeText(a)} and ${shapeText(b)}; from ${from} axes on, ${profile.label} needs equal axes before the last two`,
      advice: "repeat the smaller operand with Expand, or merge axes with Reshape",
    };
  };

/** In a mode, scales give whole sizes. */
export const wholeSizes =
  (mode: string): Condition =>
  ({ node, scope }, profile) => {
    if ((attributeOf(node, "mode", "string") ?? "nearest") !== mode) return undefined;
    const scales = scope.numbersOf(node.inputs[2] ?? "") ?? [];
    const { shape = [] } = scope.of(node.inputs[0] ?? "");
    const axis = scales.findIndex((scale, at) => {
      const size = shape[at];
      return size !== undefined && isNumber(size) && !Number.isInteger(size * scale);
    });
    if (axis === -1) return undefined;
    return {
      rule: "attribute",
      message: `mode ${mode} of ${operatorName(node)} scales ${shape[axis] ?? ""} elements by ${scales[axis] ?? ""}; ${profile.label} needs whole sizes`,
      advice: "give sizes instead of scales",
    };
  };

/**
 * The widest gap between two windows if the operator computes its own padding [elements]. If it extends its output, a window is not as wide
 * as the stride.
 */
export const widestGap =
  (most: number): Condition =>
  ({ node, scope }, profile) => {
    const kernel =
      attributeOf(node, "kernel_shape", "ints") ?? scope.of(node.inputs[1] ?? "").shape?.slice(2) ?? [];
    const strides = attributeOf(node, "strides", "ints") ?? kernel.map(() => 1);
    const isComputed = attributeOf(node, "auto_pad", "string")?.startsWith("SAME") === true;
    const isExtended = attributeOf(node, "output_padding", "ints")?.some((count) => count > 0) === true;
    const isNarrow = kernel.some((size, axis) => isNumber(size) && (strides[axis] ?? 1) - size > most);
    const isEqual = kernel.every((size, axis) => size === (strides[axis] ?? 1));
    if (!(isComputed && isNarrow) && !(isExtended && isEqual)) return undefined;
    const attribute = isComputed ? "auto_pad" : "output_padding";
    return {
      rule: "attribute",
      message: `${operatorName(node)} has windows ${shapeText(kernel)} with strides ${shapeText(strides)} and ${attribute}; ${profile.label} does not support this`,
      advice: `use pads instead of ${attribute}`,
    };
  };

/** With `ceil_mode`, ONNX omits a last window that starts in the padding after the data (opset 22), but the compiler does not. */
export const fullWindows: Condition = ({ node, scope }, profile) => {
  if (attributeOf(node, "ceil_mode", "int") !== 1) return undefined;
  const sizes = scope.of(node.inputs[0] ?? "").shape?.slice(2) ?? [];
  const counts = scope.of(node.outputs[0] ?? "").shape?.slice(2) ?? [];
  const at = (name: string, index: number, missing: number): number =>
    attributeOf(node, name, "ints")?.[index] ?? missing;
  const isCut = sizes.some((size, axis) => {
    const count = counts[axis];
    if (!isNumber(size) || !isNumber(count)) return false;
    const pads = at("pads", axis, 0) + at("pads", axis + sizes.length, 0);
    const room = size + pads - at("kernel_shape", axis, 1);
    return count < Math.ceil(room / at("strides", axis, 1)) + 1;
  });
  if (!isCut) return undefined;
  return {
    rule: "attribute",
    message: `ceil_mode of ${operatorName(node)} omits a window that starts after the data; ${profile.label} does not`,
    advice: "pad the data and remove ceil_mode",
  };
};

/** The smallest size of the last axis between Q and DQ. */
export const minLastSize =
  (least: number): Condition =>
  (placed, profile) => {
    const size = placed.scope.of(placed.node.inputs[0] ?? "").shape?.at(-1);
    if (size === undefined || !isNumber(size) || size >= least) return undefined;
    if (partsOfUnit(profile, placed).length === 0) return undefined;
    return {
      rule: "rank",
      message: `the last axis of ${operatorName(placed.node)} has ${size} elements; ${profile.label} needs ${least} or more`,
      advice: "keep it in float",
    };
  };

/** The longest index in the last axis of input 1. */
export const maxDepth =
  (most: number): Condition =>
  ({ node, scope }, profile) => {
    const depth = scope.of(node.inputs[1] ?? "").shape?.at(-1);
    if (depth === undefined || !isNumber(depth) || depth <= most) return undefined;
    return {
      rule: "rank",
      message: `${operatorName(node)} has indices of ${depth} axes; ${profile.label} supports ${most}`,
      advice: "merge axes with Reshape before it",
    };
  };

/** The highest rank of inputs that have more axes than the data. */
export const widestInput =
  (most: number): Condition =>
  ({ node, scope }, profile) => {
    const ranks = node.inputs.map((value) => scope.of(value).shape?.length ?? 0);
    const highest = Math.max(...ranks);
    if (highest <= Math.max(most, ranks[0] ?? 0)) return undefined;
    return {
      rule: "rank",
      message: `an input of ${operatorName(node)} has ${highest} axes, more than the data; ${profile.label} supports ${most}`,
      advice: "merge axes with Reshape before it",
    };
  };

/** Data of some types with 3 or more axes is sliced with steps of 1 and -1. */
export const unitSteps =
  (types: readonly OnnxDType[]): Condition =>
  ({ node, scope }, profile) => {
    const { dtype, shape = [] } = scope.of(node.inputs[0] ?? "");
    const step = scope.numbersOf(node.inputs[4] ?? "")?.find((one) => Math.abs(one) !== 1);
    if (dtype === undefined || !types.includes(dtype) || shape.length < 3 || step === undefined)
      return undefined;
    return {
      rule: "attribute",
      message: `${operatorName(node)} with step ${step}; ${profile.label} supports only 1 and -1 for ${dtype}`,
      advice: "gather the elements instead",
    };
  };

/** Whether a Transpose moves channels from the second to the last axis, or back. */
function changesLayout(node: GraphNode): boolean {
  const perm = attributeOf(node, "perm", "ints") ?? [];
  const others = perm.slice(1);
  const last = others.at(-1);
  const isToLast = last === 1 && others.slice(0, -1).every((axis, at) => axis === at + 2);
  const isToSecond = others[0] === perm.length - 1 && others.slice(1).every((axis, at) => axis === at + 1);
  return perm.length > 2 && perm[0] === 0 && (isToLast || isToSecond);
}

/** A quantized Transpose moves no channels between an input and an output of the model without other operators. */
export const noLoneLayout: Condition = ({ node, scope }, profile) => {
  const before = dequantizerOf(node.inputs[0] ?? "", scope);
  const after = onlyQuantizerOf(node.outputs[0] ?? "", scope);
  const isAlone =
    before !== undefined &&
    after !== undefined &&
    scope.index.isInput(before.inputs[0] ?? "") &&
    scope.readersOf(after.outputs[0] ?? "").length === 0;
  if (!isAlone || !changesLayout(node)) return undefined;
  return {
    rule: "operator",
    message: `a quantized ${operatorName(node)} between an input and an output of the model; ${profile.label} leaves it to the CPU`,
    advice: "transpose outside of the model",
  };
};

/** An input has elements. */
export const filled =
  (input: number): Condition =>
  ({ node, scope }, profile) =>
    scope.of(node.inputs[input] ?? "").shape?.includes(0) === true
      ? {
          rule: "rank",
          message: `input ${input} of ${operatorName(node)} has no elements; ${profile.label} needs one or more`,
          advice: "give the output an axis of one element",
        }
      : undefined;

/** An input is constant and not quantized. */
export const plainConstant =
  (input: number): Condition =>
  ({ node, scope }, profile) => {
    const value = node.inputs[input] ?? "";
    if (value === "" || scope.isKnown(value) || scope.of(value).shape?.includes(0) === true) return undefined;
    return {
      rule: "constant-input",
      message: `input ${input} of ${operatorName(node)}, '${shorten(value)}', must be a constant for ${profile.label}, but it is computed`,
      advice: "fix the sizes it is computed from, or make it an initializer",
    };
  };

/** The smallest number of inputs. */
export const minInputs =
  (least: number): Condition =>
  ({ node }, profile) =>
    node.inputs.length >= least
      ? undefined
      : {
          rule: "input-count",
          message: `${operatorName(node)} has ${node.inputs.length} inputs; ${profile.label} needs ${least} or more`,
          advice: "replace it with Identity",
        };

/** Data of a type is split into two outputs or more. */
export const splitsInTwo =
  (type: OnnxDType): Condition =>
  ({ node, scope }, profile) =>
    node.outputs.length >= 2 || scope.of(node.inputs[0] ?? "").dtype !== type
      ? undefined
      : {
          rule: "input-count",
          message: `${operatorName(node)} of ${type} has ${node.outputs.length} outputs; ${profile.label} needs 2 or more`,
          advice: "replace it with Identity",
        };

/** Renames the letters of an equation in order of appearance. */
function withOwnLetters(equation: string): string {
  const letters = new Map<string, string>();
  return equation.replaceAll(/\s/g, "").replaceAll(/[A-Za-z]/g, (letter) => {
    const own = letters.get(letter) ?? String.fromCodePoint(97 + letters.size);
    letters.set(letter, own);
    return own;
  });
}

/** Einsum equations, with letters renamed in order of appearance. */
export const equations =
  (always: readonly string[], inFloat: readonly string[]): Condition =>
  (placed, profile) => {
    const allowed = partsOfUnit(profile, placed).length > 0 ? always : [...always, ...inFloat];
    const equation = attributeOf(placed.node, "equation", "string") ?? "";
    if (allowed.includes(withOwnLetters(equation))) return undefined;
    return {
      rule: "attribute",
      message: `equation ${shorten(equation)}; ${profile.label} supports only matrix products: ${allowed.join(" or ")}`,
      advice: "write it as Transpose, Reshape and MatMul",
    };
  };
