/** Rules about sizes, indices and padding that a compiler does not support for single operators. */
import { attributeOf } from "@slm/onnx";
import { isNumber } from "../shapes/facts.js";
import { operatorName } from "./finding.js";
import { partsOfUnit } from "./quantized-graph.js";
import { rejection, shapeText, supportOf, type Rule } from "./rule.js";
import { dataTypeOf, quantizedTypeOf } from "./signatures.js";
import type { PlacedNode } from "./subject.js";

/** Rule about operators of a single batch. */
export const singleBatches: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const { shape } = scope.of(node.inputs[0] ?? "");
    const support = supportOf(subject, placed);
    const { singleBatchFrom = Infinity, singleBatchOf } = support ?? {};
    if (shape === undefined || shape.length < singleBatchFrom || shape[0] === 1) continue;
    const dtype = quantizedTypeOf(subject, placed) ?? dataTypeOf(placed, support);
    if (dtype !== undefined && singleBatchOf?.includes(dtype) === false) continue;
    const message = `${operatorName(node)} of ${shapeText(shape)}; ${subject.profile.label} needs a first axis of 1`;
    const advice = "split the data along this axis before it";
    findings.about("rank", placed, rejection(subject, placed, message, advice));
  }
};

/** Rule about indices that select only a part of the other axes. */
export const indices: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const [shape, chosen] = node.inputs.slice(0, 2).map((value) => scope.of(value).shape);
    if (supportOf(subject, placed)?.fullIndices !== true || shape === undefined || chosen === undefined)
      continue;
    const axis = attributeOf(node, "axis", "int") ?? 0;
    const along = axis < 0 ? axis + shape.length : axis;
    if (chosen.every((size, at) => at === along || size === shape[at])) continue;
    const message = `${operatorName(node)} of ${shapeText(shape)} with indices ${shapeText(chosen)}; ${subject.profile.label} needs equal sizes apart from axis ${axis}`;
    findings.about("rank", placed, rejection(subject, placed, message, "slice the data before it"));
  }
};

/** Rule about quantized operators that compute a scalar from scalars. */
export const scalars: Rule = (subject, findings) => {
  if (subject.profile.quantization?.scalars !== false) return;
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const values = [...node.inputs, ...node.outputs].filter((value) => value !== "");
    const isScalar = values.every((value) => scope.of(value).shape?.length === 0);
    if (!isScalar || partsOfUnit(subject, placed).length === 0) continue;
    const message = `${operatorName(node)} of scalars is quantized; ${subject.profile.label} supports this only from 1 axis on`;
    findings.about("rank", placed, rejection(subject, placed, message, "keep it in float"));
  }
};

/** Rule about a scalar that selects an element of the first axis of quantized data. */
export const rows: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const [data, chosen, selected] = [node.inputs[0], node.inputs[1], node.outputs[0]].map(
      (value) => scope.of(value ?? "").shape,
    );
    const isRow = (attributeOf(node, "axis", "int") ?? 0) % (data?.length ?? 1) === 0;
    if (!isRow || chosen?.length !== 0 || selected?.length === 0) continue;
    const dtype = quantizedTypeOf(subject, placed);
    if (dtype === undefined || supportOf(subject, placed)?.noRowsOf?.includes(dtype) !== true) continue;
    const message = `${operatorName(node)} of ${dtype} selects with a scalar along the first axis; ${subject.profile.label} does not support this`;
    const advice = "use an index of one axis, and Squeeze after it";
    findings.about("rank", placed, rejection(subject, placed, message, advice));
  }
};

/** Rule about outputs of different sizes. */
export const evenOutputs: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const count = attributeOf(node, "num_outputs", "int");
    const { shape } = scope.of(node.inputs[0] ?? "");
    const size = shape?.at(attributeOf(node, "axis", "int") ?? 0);
    if (supportOf(subject, placed)?.evenOutputs !== true || count === undefined) continue;
    if (size === undefined || !isNumber(size) || size % count === 0) continue;
    const message = `${operatorName(node)} splits ${size} elements into ${count} outputs; ${subject.profile.label} needs equal sizes`;
    const advice = "give the sizes as an input";
    findings.about("attribute", placed, rejection(subject, placed, message, advice));
  }
};

/** Rule about padding of several axes. */
export const lonePadding: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const rank = supportOf(subject, placed)?.lonePadRank;
    if (rank === undefined || scope.of(node.inputs[0] ?? "").shape?.length !== rank) continue;
    const pads = scope.numbersOf(node.inputs[1] ?? "") ?? [];
    const count = pads.length / 2;
    const padded = pads.slice(0, count).filter((before, axis) => before !== 0 || pads[axis + count] !== 0);
    if (padded.length < 2) continue;
    const message = `${operatorName(node)} pads ${padded.length} axes of ${rank}; ${subject.profile.label} pads only one`;
    findings.about("attribute", placed, rejection(subject, placed, message, "pad one axis after the other"));
  }
};

/** Rule about padding on the left without padding at the top. */
export const topPadding: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node } = placed;
    const isMeant = supportOf(subject, placed)?.topWithLeft === true;
    if (!isMeant || attributeOf(node, "count_include_pad", "int") === 1) continue;
    const [top, left, ...more] = paddingBefore(placed);
    if (top !== 0 || left === undefined || left === 0 || more.length > 0) continue;
    const message = `${operatorName(node)} pads the left and not the top; ${subject.profile.label} does not support this`;
    findings.about("attribute", placed, rejection(subject, placed, message, "pad with Pad before it"));
  }
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
