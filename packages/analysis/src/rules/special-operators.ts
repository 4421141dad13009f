/** Rules about single operators that a compiler supports only in some surroundings or with some sizes. */
import { attributeOf } from "@slm/onnx";
import { isNumber } from "../shapes/facts.js";
import { operatorName } from "./finding.js";
import { partsOfUnit } from "./quantized-graph.js";
import { rejection, shapeText, supportOf, type Rule } from "./rule.js";
import type { PlacedNode } from "./subject.js";

/** Rule about matrix products whose operands have different axes before the last two. */
export const batches: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const from = supportOf(subject, placed)?.sameBatchFrom;
    const [a, b] = node.inputs.slice(0, 2).map((value) => scope.of(value).shape);
    if (from === undefined || a === undefined || b === undefined || Math.max(a.length, b.length) < from)
      continue;
    if (a.length === b.length && a.slice(0, -2).every((size, axis) => size === b[axis])) continue;
    const message = `${operatorName(node)} of ${shapeText(a)} and ${shapeText(b)}; from ${from} axes on, ${subject.profile.label} needs equal axes before the last two`;
    const advice = "repeat the smaller operand with Expand, or merge axes with Reshape";
    findings.about("rank", placed, rejection(subject, placed, message, advice));
  }
};

/** Rule about operators whose output only the caller of the model can read. */
export const lastOperators: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const isRead = node.outputs.some((value) => scope.readersOf(value).length > 0);
    if (supportOf(subject, placed)?.onlyLast !== true || !isRead) continue;
    const message = `${subject.profile.label} supports ${operatorName(node)} only as the last operator of a model`;
    const advice = "write it as Reshape, InstanceNormalization, Reshape, Mul and Add";
    findings.about("operator", placed, rejection(subject, placed, message, advice));
  }
};

/** Rule about scales that do not give whole sizes. */
export const wholeSizes: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const mode = attributeOf(node, "mode", "string") ?? "nearest";
    if (supportOf(subject, placed)?.wholeSizesFor?.includes(mode) !== true) continue;
    const scales = scope.numbersOf(node.inputs[2] ?? "") ?? [];
    const { shape = [] } = scope.of(node.inputs[0] ?? "");
    const axis = scales.findIndex((scale, at) => {
      const size = shape[at];
      return size !== undefined && isNumber(size) && !Number.isInteger(size * scale);
    });
    if (axis === -1) continue;
    const message = `mode ${mode} of ${operatorName(node)} scales ${shape[axis] ?? ""} elements by ${scales[axis] ?? ""}; ${subject.profile.label} needs whole sizes`;
    findings.about("attribute", placed, rejection(subject, placed, message, "give sizes instead of scales"));
  }
};

/** Rule about windows that leave elements out. */
export const gaps: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const most = supportOf(subject, placed)?.widestGap;
    if (most === undefined) continue;
    const kernel =
      attributeOf(node, "kernel_shape", "ints") ?? scope.of(node.inputs[1] ?? "").shape?.slice(2) ?? [];
    const strides = attributeOf(node, "strides", "ints") ?? kernel.map(() => 1);
    const isComputed = attributeOf(node, "auto_pad", "string")?.startsWith("SAME") === true;
    const isExtended = attributeOf(node, "output_padding", "ints")?.some((count) => count > 0) === true;
    const isNarrow = kernel.some((size, axis) => isNumber(size) && (strides[axis] ?? 1) - size > most);
    const isEqual = kernel.every((size, axis) => size === (strides[axis] ?? 1));
    if (!(isComputed && isNarrow) && !(isExtended && isEqual)) continue;
    const attribute = isComputed ? "auto_pad" : "output_padding";
    const message = `${operatorName(node)} has windows ${shapeText(kernel)} with strides ${shapeText(strides)} and ${attribute}; ${subject.profile.label} does not support this`;
    findings.about(
      "attribute",
      placed,
      rejection(subject, placed, message, `use pads instead of ${attribute}`),
    );
  }
};

/** Rule about quantized operators along a last axis that is too short. */
export const lastSizes: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const least = supportOf(subject, placed)?.minLastSize ?? 0;
    const { shape } = scope.of(node.inputs[0] ?? "");
    const size = shape?.at(-1);
    if (size === undefined || !isNumber(size) || size >= least || partsOfUnit(subject, placed).length === 0)
      continue;
    const message = `the last axis of ${operatorName(node)} has ${size} elements; ${subject.profile.label} needs ${least} or more`;
    findings.about("rank", placed, rejection(subject, placed, message, "keep it in float"));
  }
};

/** Rule about lists of axes that mix positive and negative numbers. */
export const signs: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const index = supportOf(subject, placed)?.oneSignInput;
    const axes = index === undefined ? undefined : scope.numbersOf(node.inputs[index] ?? "");
    if (axes?.some((axis) => axis < 0) !== true || axes.every((axis) => axis < 0)) continue;
    const message = `axes of ${operatorName(node)} are ${axes.join(", ")}; ${subject.profile.label} needs one sign`;
    findings.about(
      "attribute",
      placed,
      rejection(subject, placed, message, "write all axes as positive numbers"),
    );
  }
};

/** Rule about indices of elements. */
export const depths: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const most = supportOf(subject, placed)?.maxDepth;
    const depth = scope.of(node.inputs[1] ?? "").shape?.at(-1);
    if (most === undefined || depth === undefined || !isNumber(depth) || depth <= most) continue;
    const message = `${operatorName(node)} has indices of ${depth} axes; ${subject.profile.label} supports ${most}`;
    findings.about("rank", placed, rejection(subject, placed, message, "merge axes with Reshape before it"));
  }
};

/** Rule about inputs with more axes than the data. */
export const widestInputs: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const most = supportOf(subject, placed)?.widestInput ?? Infinity;
    const ranks = node.inputs.map((value) => scope.of(value).shape?.length ?? 0);
    const highest = Math.max(...ranks);
    if (highest <= Math.max(most, ranks[0] ?? 0)) continue;
    const message = `an input of ${operatorName(node)} has ${highest} axes, more than the data; ${subject.profile.label} supports ${most}`;
    findings.about("rank", placed, rejection(subject, placed, message, "merge axes with Reshape before it"));
  }
};

/** Whether a Slice of 2 or more axes has a step along one axis only, and its end is at most one element before the data. */
function isBounded({ node, scope }: PlacedNode, at: number): boolean {
  const [ends, axes, all] = [2, 3, 4].map((index) => scope.numbersOf(node.inputs[index] ?? ""));
  const shape = scope.of(node.inputs[0] ?? "").shape ?? [];
  const size = shape.at(axes?.[at] ?? at);
  const isAlone = all?.every((step, index) => index === at || step === 1) === true;
  return isAlone && shape.length > 1 && isNumber(size) && (ends?.[at] ?? -Infinity) >= -1 - size;
}

/** Rule about steps between the elements that Slice selects. */
export const steps: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const { dtype, shape } = scope.of(node.inputs[0] ?? "");
    const selected = scope.of(node.outputs[0] ?? "").shape;
    const axes = scope.numbersOf(node.inputs[3] ?? "");
    const {
      unitSteps = [],
      boundedReverse = false,
      maxStepRank = Infinity,
    } = supportOf(subject, placed) ?? {};
    const rank = shape?.length ?? 0;
    const isUnit = dtype !== undefined && unitSteps.includes(dtype) && rank >= 3;
    const isWide = rank > maxStepRank && shape?.[0] !== 1 && partsOfUnit(subject, placed).length === 0;
    const step = scope
      .numbersOf(node.inputs[4] ?? "")
      ?.find(
        (one, at) =>
          (isUnit && Math.abs(one) !== 1) ||
          (boundedReverse && one < 0 && !isBounded(placed, at)) ||
          (isWide && Math.abs(one) > 1 && selected?.at(axes?.[at] ?? at) !== 1),
      );
    if (step === undefined) continue;
    const wanted = isUnit
      ? `1 and -1 for ${dtype}`
      : boundedReverse && step < 0
        ? "negative steps of 2 or more axes, with an end of at least -1 - size"
        : `steps of 1 for data of more than ${maxStepRank} axes`;
    const message = `${operatorName(node)} with step ${step}; ${subject.profile.label} supports only ${wanted}`;
    findings.about("attribute", placed, rejection(subject, placed, message, "gather the elements instead"));
  }
};
