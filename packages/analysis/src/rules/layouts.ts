/**
 * Rule about compilers that compute images with channels last. They insert Transpose nodes and move them; one that reaches an output of
 * the model in a type that Transpose does not support remains for the CPU.
 */
import type { GraphNode } from "@slm/onnx";
import { operatorName } from "../graph/finding.js";
import { isDequantize, isQuantize } from "../graph/quantized-graph.js";
import { rejection, type Rule } from "./rule.js";
import type { PlacedNode, Scope } from "../graph/scope.js";

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
