/** Rules about the element types of an operator's data, in float and between Q and DQ. */
import type { GraphNode, OnnxDType } from "@slm/onnx";
import { operatorName, type Findings } from "../graph/finding.js";
import type { OperatorSupport } from "../profiles/profile.js";
import type { PlacedNode } from "../graph/scope.js";
import { isControlFlow, type Subject } from "./subject.js";
import { activationTypes, partsOfUnit } from "../graph/quantized-graph.js";
import { rejection, supportOf, type Rule } from "./rule.js";

/** The type of a node's data input, as opposed to indices, sizes and conditions. */
export function dataTypeOf(
  { node, scope }: PlacedNode,
  support: OperatorSupport | undefined,
): OnnxDType | undefined {
  return scope.of(node.inputs[support?.data ?? 0] ?? "").dtype;
}

const ADVICE: Readonly<Partial<Record<OnnxDType, string>>> = {
  int64: "use int32",
  float64: "export the model in float32",
  int16: "quantize activations to uint16",
};

export const signatures: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const support = supportOf(subject, placed);
    if (support === undefined || isControlFlow(placed.node)) continue;
    const parts = partsOfUnit(subject.profile, placed);
    if (parts.length > 0) checkQuantized(subject, { placed, support, parts }, findings);
    else checkPlain(subject, { placed, support }, findings);
    checkCast(subject, { placed, support }, findings);
  }
};

interface Use {
  readonly placed: PlacedNode;
  readonly support: OperatorSupport;
}

function checkPlain(subject: Subject, { placed, support }: Use, findings: Findings): void {
  const dtype = dataTypeOf(placed, support);
  if (support.types === undefined || dtype === undefined || support.types.includes(dtype)) return;
  const { label } = subject.profile;
  const allowed = support.types.length === 0 ? "it only between Q and DQ" : support.types.join(", ");
  const message = `${operatorName(placed.node)} of ${dtype}; ${label} supports ${allowed}`;
  const advice = ADVICE[dtype] ?? `convert it to ${support.types[0] ?? "a quantized type"}`;
  findings.about("dtype", placed, rejection(subject, placed, message, advice));
}

function checkQuantized(
  subject: Subject,
  { placed, support, parts }: Use & { readonly parts: readonly GraphNode[] },
  findings: Findings,
): void {
  const { label } = subject.profile;
  const types = activationTypes(placed, parts);
  const allowed = support.quantizedTypes;
  const refused = types.find((dtype) => allowed?.includes(dtype) === false);
  if (refused !== undefined && allowed !== undefined) {
    const takes = allowed.length === 0 ? "it only in float" : allowed.join(", ");
    const message = `${operatorName(placed.node)} quantized to ${refused}; ${label} supports ${takes}`;
    const advice = allowed[0] === undefined ? "keep it in float" : `quantize it to ${allowed[0]}`;
    findings.about("qdq-parameters", placed, rejection(subject, placed, message, advice));
  }
  // A unit of different types is computed in float.
  if (new Set(types).size > 1) checkPlain(subject, { placed, support }, findings);
}

function checkCast(subject: Subject, { placed, support }: Use, findings: Findings): void {
  const { node, scope } = placed;
  if (support.casts === undefined) return;
  const [from, to] = [scope.of(node.inputs[0] ?? "").dtype, scope.of(node.outputs[0] ?? "").dtype];
  if (from === undefined || to === undefined || support.casts[from]?.includes(to) === true) return;
  const message = `${operatorName(node)} from ${from} to ${to}: ${subject.profile.label} does not support this conversion`;
  findings.about("dtype", placed, rejection(subject, placed, message, "convert via float32 or int32"));
}
