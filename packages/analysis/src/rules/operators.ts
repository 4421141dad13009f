/** Rules about operators: support by the device, opset versions, control flow. */
import { operatorName } from "../graph/finding.js";
import {
  FUNCTION_OPERATORS,
  REMOVED_IN,
  RUNTIME_ONLY,
  RUNTIME_VERSIONS,
  STANDARD_SINCE,
} from "../profiles/standard-operators.js";
import type { PlacedNode } from "../graph/scope.js";
import { CONTROL_FLOW, isControlFlow, type Subject } from "./subject.js";
import { operatorAdvice } from "./advice.js";
import { aboutModel, rejection, supportOf, type Rule } from "./rule.js";

function isForbiddenFlow({ profile }: Subject, { node }: PlacedNode): boolean {
  return profile.controlFlow === "forbidden" && isControlFlow(node);
}

/** Whether any opset of ONNX, or ONNX Runtime, has an operator with the name. */
function exists({ node }: PlacedNode): boolean {
  return (
    node.domain !== "" ||
    STANDARD_SINCE.has(node.opType) ||
    RUNTIME_ONLY.has(node.opType) ||
    CONTROL_FLOW.has(node.opType)
  );
}

export const existing: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    if (exists(placed)) continue;
    const message = `ONNX and ONNX Runtime do not have an operator '${operatorName(placed.node)}'`;
    const advice = "check the exporter of the model";
    findings.about("operator", placed, { severity: "error", message, advice });
  }
};

export const operators: Rule = (subject, findings) => {
  const { profile } = subject;
  for (const placed of subject.nodes) {
    const name = operatorName(placed.node);
    if (isForbiddenFlow(subject, placed) || !exists(placed)) continue;
    const advice = operatorAdvice(name);
    if (supportOf(subject, placed) !== undefined) continue;
    const isFunction = placed.node.domain === "" && FUNCTION_OPERATORS.has(placed.node.opType);
    const expanded = isFunction ? "; ONNX Runtime can expand it into the operators of its definition" : "";
    const message = `${profile.label} does not support ${name}${expanded}`;
    findings.about("operator", placed, rejection(subject, placed, message, advice));
  }
};

/** Rule about files that ONNX Runtime cannot load with any provider. */
const versions: Rule = ({ model }, findings) => {
  const { name, opset, irVersion } = RUNTIME_VERSIONS;
  const standard = model.opsets[""] ?? opset.min;
  if (standard > opset.max || model.irVersion > irVersion) {
    const message = `opset ${standard} in file format ${model.irVersion}: ${name} supports at most opset ${opset.max} and format ${irVersion}`;
    const advice = `convert the model to opset ${opset.max}, or run it with a later version`;
    findings.add(aboutModel("opset", { severity: "error", message, advice }));
  }
  if (standard < opset.min) {
    const message = `opset ${standard}: ${name} guarantees kernels only from opset ${opset.min} on`;
    const advice = `convert the model to opset ${opset.min} or later`;
    findings.add(aboutModel("opset", { severity: "warning", message, advice }));
  }
};

export const opsets: Rule = (subject, findings) => {
  const { profile, model } = subject;
  const standard = model.opsets[""] ?? 0;
  versions(subject, findings);
  const { minOpset = 0 } = profile;
  if (standard < minOpset) {
    const message = `the model imports opset ${standard}, ${profile.label} needs opset ${minOpset} or later`;
    const advice = `convert the model to opset ${minOpset} or later`;
    const severity = profile.rest === null ? "error" : "warning";
    findings.add(aboutModel("opset", { severity, message, advice }));
    for (const { node } of subject.nodes) findings.refuse("opset", node);
  }
  for (const placed of subject.all) {
    const { node } = placed;
    if (node.domain !== "") continue;
    const since = STANDARD_SINCE.get(node.opType);
    const removed = REMOVED_IN.get(node.opType);
    if (since !== undefined && since > standard) {
      const message = `${node.opType} exists from opset ${since} on, but the model imports ${standard}`;
      const advice = `convert the model to opset ${since} or later`;
      findings.about("opset", placed, { severity: "error", message, advice });
    } else if (removed !== undefined && removed <= standard) {
      const message = `${node.opType} was removed in opset ${removed}, but the model imports ${standard}`;
      findings.about("opset", placed, { severity: "error", message, advice: "export the model again" });
    }
  }
  for (const placed of subject.nodes) {
    const { since = 0, until = Infinity } = supportOf(subject, placed) ?? {};
    const version = model.opsets[placed.node.domain] ?? 0;
    if (version >= since && version <= until) continue;
    const name = operatorName(placed.node);
    const message = `${profile.label} supports ${name} of opsets ${since} to ${until}, but the model imports ${version}`;
    const advice = version < since ? `convert the model to opset ${since}` : operatorAdvice(name);
    findings.about("opset", placed, rejection(subject, placed, message, advice));
  }
};

const FLOW_ADVICE: Readonly<Record<string, string>> = {
  If: "export one graph per branch and choose between them before the model runs",
  Loop: "loop in the program that runs the model, with one call per step, or unroll a fixed number of iterations",
  Scan: "loop in the program that runs the model, with one call per step, or unroll a fixed number of iterations",
  SequenceMap: "run the body once per element",
};

export const controlFlow: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    if (!isForbiddenFlow(subject, placed)) continue;
    const bodies = placed.scope.index.bodies.filter(({ node }) => node === placed.node);
    const inside = bodies.reduce((sum, { body }) => sum + body.nodes.length, 0);
    const message =
      `${subject.profile.label} does not support control flow; the ${inside} nodes inside ${placed.node.opType} were not ` +
      "checked against the profile";
    const advice = FLOW_ADVICE[placed.node.opType] ?? "export the model without it";
    findings.about("control-flow", placed, { severity: "error", message, advice });
  }
};
