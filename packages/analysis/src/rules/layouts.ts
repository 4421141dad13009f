/**
 * Rules about compilers that compute images with channels last. They insert Transpose nodes and move them; one that reaches an output of
 * the model in a type that Transpose does not support remains for the CPU.
 */
import { attributeOf, type GraphNode } from "@slm/onnx";
import { operatorName } from "./finding.js";
import { dequantizerOf, isDequantize, isQuantize, onlyQuantizerOf } from "./quantized-graph.js";
import { rejection, supportOf, type Rule } from "./rule.js";
import type { PlacedNode, Scope } from "./subject.js";

/** Whether a Transpose moves channels from the second to the last axis, or back. */
function changesLayout(node: GraphNode): boolean {
  const perm = attributeOf(node, "perm", "ints") ?? [];
  const others = perm.slice(1);
  const last = others.at(-1);
  const isToLast = last === 1 && others.slice(0, -1).every((axis, at) => axis === at + 2);
  const isToSecond = others[0] === perm.length - 1 && others.slice(1).every((axis, at) => axis === at + 1);
  return perm.length > 2 && perm[0] === 0 && (isToLast || isToSecond);
}

/** Rule about a quantized change of the layout, if a model computes nothing else from an input. */
export const loneLayouts: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    if (supportOf(subject, placed)?.noLoneLayout !== true || !changesLayout(node)) continue;
    const before = dequantizerOf(node.inputs[0] ?? "", scope);
    const after = onlyQuantizerOf(node.outputs[0] ?? "", scope);
    const isAlone =
      before !== undefined &&
      after !== undefined &&
      scope.index.isInput(before.inputs[0] ?? "") &&
      scope.readersOf(after.outputs[0] ?? "").length === 0;
    if (!isAlone) continue;
    const message = `a quantized ${operatorName(node)} between an input and an output of the model; ${subject.profile.label} leaves it to the CPU`;
    findings.about("operator", placed, rejection(subject, placed, message, "transpose outside of the model"));
  }
};

/** Whether a value is computed from the result of an operator on images. */
function followsImages(value: string, scope: Scope, operators: ReadonlySet<string>): boolean {
  const open = [value];
  const seen = new Set(open);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = scope.index.producerOf(name)?.node;
    if (node === undefined) continue;
    if (operators.has(operatorName(node))) return true;
    for (const input of node.inputs.filter((one) => one !== "" && !seen.has(one))) {
      seen.add(input);
      open.push(input);
    }
  }
  return false;
}

/** The node that computes a value, apart from a Cast that returns its input unchanged. */
function sourceOf(value: string, scope: Scope): GraphNode | undefined {
  const node = scope.index.producerOf(value)?.node;
  const input = node?.inputs[0] ?? "";
  const isSame = node?.opType === "Cast" && scope.of(input).dtype === scope.of(value).dtype;
  return isSame ? sourceOf(input, scope) : node;
}

/** Whether a node computes bytes, or quantizes a value without another operator before it. */
function convertsBytes({ node, scope }: PlacedNode): boolean {
  if (!isQuantize(node)) return scope.of(node.outputs[0] ?? "").dtype === "uint8";
  const source = sourceOf(node.inputs[0] ?? "", scope);
  return source !== undefined && isDequantize(source);
}

/** Rule about outputs of a model that are converted to integers after operators on images. */
export const convertedOutputs: Rule = (subject, findings) => {
  const { channelsLast } = subject.profile;
  if (channelsLast === undefined) return;
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const [output = ""] = node.outputs;
    if (!convertsBytes(placed) || scope.readersOf(output).length > 0) continue;
    if (!followsImages(node.inputs[0] ?? "", scope, channelsLast)) continue;
    const message = `${operatorName(node)} converts an output of the model after an operator on images; ${subject.profile.label} leaves a Transpose of it to the CPU`;
    const advice = "convert the output after the model";
    findings.about("qdq-form", placed, rejection(subject, placed, message, advice));
  }
};
