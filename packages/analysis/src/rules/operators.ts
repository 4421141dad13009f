/** Rules about operators: the device has them, in the model's opset, without control flow. */
import { operatorName } from "./finding.js";
import {
  FUNCTION_OPERATORS,
  REMOVED_IN,
  RUNTIME_ONLY,
  RUNTIME_VERSIONS,
  STANDARD_SINCE,
} from "../profiles/standard-operators.js";
import { CONTROL_FLOW, isControlFlow, type PlacedNode, type Subject } from "./subject.js";
import { operatorAdvice } from "./advice.js";
import { isErfGelu } from "./erf-gelu.js";
import { aboutModel, rejection, runsOnCpu, supportOf, type Rule } from "./rule.js";

function isForbiddenFlow({ profile }: Subject, { node }: PlacedNode): boolean {
  return profile.controlFlow === "forbidden" && isControlFlow(node);
}

/** Whether some opset of ONNX, or ONNX Runtime, has an operator of the name. */
function exists({ node }: PlacedNode): boolean {
  return (
    node.domain !== "" ||
    STANDARD_SINCE.has(node.opType) ||
    RUNTIME_ONLY.has(node.opType) ||
    CONTROL_FLOW.has(node.opType)
  );
}

export const operators: Rule = (subject, findings) => {
  const { profile } = subject;
  for (const placed of subject.nodes) {
    const name = operatorName(placed.node);
    if (isForbiddenFlow(subject, placed)) continue;
    const advice = operatorAdvice(profile.name, name);
    if (!exists(placed)) {
      const message = `neither ONNX nor ONNX Runtime has an operator '${name}'`;
      findings.about("operator", placed, { severity: "error", message, advice: "check the model's source" });
      continue;
    }
    const support = supportOf(subject, placed);
    if (support?.moduleOf === "erf-gelu" && !isErfGelu(placed)) {
      const message = `${profile.label} takes Erf only inside Gelu: x * 0.5 * (1 + erf(x / sqrt 2))`;
      findings.about("operator", placed, rejection(subject, placed, message, advice));
    }
    if (support !== undefined) continue;
    if (!profile.operatorsAreComplete && runsOnCpu(placed)) {
      const message = `no public list says whether ${profile.label} takes ${name}; its compiler leaves others to the CPU`;
      findings.about("unknown", placed, { severity: "warning", message, advice });
      continue;
    }
    const isFunction = placed.node.domain === "" && FUNCTION_OPERATORS.has(placed.node.opType);
    const expanded = isFunction ? "; ONNX Runtime may expand it into operators of its definition" : "";
    const message = `${profile.label} has no ${name}${expanded}`;
    findings.about("operator", placed, rejection(subject, placed, message, advice));
  }
};

/** Rule about files that ONNX Runtime does not load, whatever the provider. */
const versions: Rule = ({ model }, findings) => {
  const { name, opset, irVersion } = RUNTIME_VERSIONS;
  const standard = model.opsets[""] ?? opset.min;
  if (standard > opset.max || model.irVersion > irVersion) {
    const message = `opset ${standard} in file format ${model.irVersion}: ${name} loads opset ${opset.max} and format ${irVersion} at most`;
    const advice = `convert the model to opset ${opset.max}, or run it with a later version`;
    findings.add(aboutModel("opset", { severity: "error", message, advice }));
  }
  if (standard < opset.min) {
    const message = `opset ${standard}: ${name} promises kernels from opset ${opset.min} on`;
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
    const message = `the model imports opset ${standard}, ${profile.label} takes nothing below opset ${minOpset}`;
    const advice = `convert the model to opset ${minOpset} or later`;
    const severity = profile.rest === null ? "error" : "warning";
    findings.add(aboutModel("opset", { severity, message, advice }));
    for (const { node } of subject.nodes) findings.refuse("opset", node);
  }
  if (profile.advisedOpset !== undefined && standard > profile.advisedOpset) {
    const message = `the model imports opset ${standard}, the profile's tools were written for up to ${profile.advisedOpset}`;
    const advice = `export with opset ${profile.advisedOpset}`;
    findings.add(aboutModel("opset", { severity: "warning", message, advice }));
  }
  for (const placed of subject.all) {
    const { node } = placed;
    if (node.domain !== "") continue;
    const since = STANDARD_SINCE.get(node.opType);
    const removed = REMOVED_IN.get(node.opType);
    if (since !== undefined && since > standard) {
      const message = `${node.opType} exists from opset ${since} on, the model imports ${standard}`;
      const advice = `convert the model to opset ${since} or later`;
      findings.about("opset", placed, { severity: "error", message, advice });
    } else if (removed !== undefined && removed <= standard) {
      const message = `${node.opType} does not exist from opset ${removed} on, the model imports ${standard}`;
      findings.about("opset", placed, { severity: "error", message, advice: "export the model anew" });
    }
  }
  for (const placed of subject.nodes) {
    const { since = 0, until = Infinity } = supportOf(subject, placed) ?? {};
    const version = model.opsets[placed.node.domain] ?? 0;
    if (version >= since && version <= until) continue;
    const name = operatorName(placed.node);
    const message = `${profile.label} takes ${name} of opset ${since} to ${until}, the model imports ${version}`;
    const advice =
      version < since ? `convert the model to opset ${since}` : operatorAdvice(profile.name, name);
    findings.about("opset", placed, rejection(subject, placed, message, advice));
  }
};

const FLOW_ADVICE: Readonly<Record<string, string>> = {
  If: "export one graph per branch and choose between them before the model runs",
  Loop: "let the program that runs the model loop, one call a step, or unroll a fixed number of turns",
  Scan: "let the program that runs the model loop, one call a step, or unroll a fixed number of turns",
  SequenceMap: "run the body once per element",
};

export const controlFlow: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    if (!isForbiddenFlow(subject, placed)) continue;
    const bodies = placed.scope.index.bodies.filter(({ node }) => node === placed.node);
    const inside = bodies.reduce((sum, { body }) => sum + body.nodes.length, 0);
    const message =
      `${subject.profile.label} runs no control flow; the ${inside} nodes inside ${placed.node.opType} were not ` +
      "checked against the profile";
    const advice = FLOW_ADVICE[placed.node.opType] ?? "export the model without it";
    findings.about("control-flow", placed, { severity: "error", message, advice });
  }
};
