/** Helpers that the rules of a model analysis share. */
import { shorten } from "@slm/onnx";
import { type Finding, type Findings, type Remark, type RuleName, operatorName } from "../graph/finding.js";
import { CPU } from "../profiles/cpu.js";
import type { OperatorSupport } from "../profiles/profile.js";
import type { PlacedNode } from "../graph/scope.js";
import type { Subject } from "./subject.js";

/** Checks a prepared model and adds its findings. */
export type Rule = (subject: Subject, findings: Findings) => void;

/** A finding about the model as a whole. */
export function aboutModel(rule: RuleName, remark: Remark): Finding {
  return { rule, node: "", opType: "", ...remark };
}

/** A finding about an input of the model. */
export function aboutInput(rule: RuleName, input: string, remark: Remark): Finding {
  return { rule, node: shorten(input), opType: "input", ...remark };
}

/** The profile's support of the node's operator; undefined if it is not supported. */
export function supportOf({ profile }: Subject, { node }: PlacedNode): OperatorSupport | undefined {
  const name = operatorName(node);
  return Object.hasOwn(profile.operators, name) ? profile.operators[name] : undefined;
}

/** On GPUs and in browsers, nodes that the device does not support run on the CPU; an NPU must support the whole graph. */
export function fallsBackToCpu({ profile }: Subject, { node }: PlacedNode): boolean {
  return profile.rest !== null && Object.hasOwn(CPU.operators, operatorName(node));
}

/** The finding for a node that the device does not support: a warning if the CPU runs it, otherwise an error. */
export function rejection(subject: Subject, placed: PlacedNode, message: string, advice: string): Remark {
  if (!fallsBackToCpu(subject, placed)) return { severity: "error", message, advice };
  const copied = `${message}; the CPU computes it, and its tensors are copied`;
  return { severity: "warning", message: copied, advice, isRefusal: true };
}
