/** Rules about the inputs and attributes of single operators: element types, constants, values, number of inputs. */
import { shorten, type OnnxDType } from "@slm/onnx";
import { operatorName } from "../finding.js";
import type { AttributeLimit } from "../profiles/profile.js";
import { axisOf } from "../shapes/facts.js";
import { isControlFlow, type PlacedNode, type Subject } from "../subject.js";
import { aboutModel, rejection, supportOf, type Rule } from "./rule.js";

const TYPE_ADVICE: Readonly<Partial<Record<OnnxDType, string>>> = {
  int64: "use int32 for ids and positions",
  float64: "export the model in float32",
  bfloat16: "export the model in float16 or float32",
  string: "turn text into numbers before the model",
};

export const dtypes: Rule = (subject, findings) => {
  const { profile } = subject;
  const converted = new Map<OnnxDType, Set<string>>();
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    if (isControlFlow(node)) continue;
    let rejected: readonly [string, OnnxDType] | undefined;
    for (const value of [...node.inputs, ...node.outputs]) {
      const { dtype } = scope.of(value);
      if (value === "" || dtype === undefined) continue;
      if (!profile.dtypes.includes(dtype)) rejected ??= [value, dtype];
      else if (profile.convertedTypes[dtype] !== undefined && !scope.isKnown(value))
        converted.set(dtype, (converted.get(dtype) ?? new Set()).add(value));
    }
    if (rejected !== undefined) {
      const [value, dtype] = rejected;
      const message = `'${shorten(value)}' is ${dtype}; ${profile.label} takes ${profile.dtypes.join(", ")}`;
      const advice = TYPE_ADVICE[dtype] ?? "use one of these types";
      findings.about("dtype", placed, rejection(subject, placed, message, advice));
    }
    checkInputTypes(subject, placed, findings);
  }
  for (const [dtype, values] of converted) {
    const message = `${values.size} values are ${dtype}: ${profile.convertedTypes[dtype] ?? ""}`;
    const advice = TYPE_ADVICE[dtype] ?? "nothing, if that is what you want";
    findings.add(aboutModel("dtype", { severity: "info", message, advice }));
  }
};

function checkInputTypes(subject: Subject, placed: PlacedNode, findings: Parameters<Rule>[1]): void {
  const { node, scope } = placed;
  const { inputTypes = {}, plainInt64 = [] } = supportOf(subject, placed) ?? {};
  const { label } = subject.profile;
  for (const [index, types] of Object.entries(inputTypes)) {
    const value = node.inputs[Number(index)] ?? "";
    const { dtype } = scope.of(value);
    if (value === "" || dtype === undefined || types.includes(dtype)) continue;
    const message = `input ${index} of ${operatorName(node)} is ${dtype}; ${label} takes ${types.join(", ")} there`;
    const advice = `convert it to ${types[0] ?? "another type"}`;
    findings.about("dtype", placed, rejection(subject, placed, message, advice));
  }
  for (const index of plainInt64) {
    const value = node.inputs[index] ?? "";
    const isPlain = scope.index.isInput(value) || scope.isKnown(value);
    if (value === "" || scope.of(value).dtype !== "int64" || isPlain) continue;
    const message = `input ${index} of ${operatorName(node)} is computed int64; ${label} takes it from a graph input or a constant only`;
    findings.about("dtype", placed, rejection(subject, placed, message, "compute it as int32"));
  }
}

export const constantInputs: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    for (const index of supportOf(subject, placed)?.constantInputs ?? []) {
      const value = node.inputs[index] ?? "";
      if (value === "" || scope.isKnown(value)) continue;
      const dequantized = scope.index.producerOf(value)?.node;
      if (dequantized?.opType === "DequantizeLinear" && scope.isKnown(dequantized.inputs[0] ?? "")) continue;
      const message = `input ${index} of ${operatorName(node)}, '${shorten(value)}', must be a constant for ${subject.profile.label}, it is computed`;
      const advice = "fix the sizes it is computed from, or make it an initializer";
      findings.about("constant-input", placed, rejection(subject, placed, message, advice));
    }
  }
};

export const inputCounts: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const count = supportOf(subject, placed)?.inputCount;
    const given = placed.node.inputs.length;
    if (count === undefined || given === count) continue;
    const message = `${operatorName(placed.node)} has ${given} inputs, ${subject.profile.label} takes exactly ${count}`;
    const advice = given > count ? "chain operators of two inputs" : "replace it by Identity";
    findings.about("input-count", placed, rejection(subject, placed, message, advice));
  }
};

function isAllowed(placed: PlacedNode, value: number | string, { allowed }: AttributeLimit): boolean {
  if (allowed !== "last-axis") return allowed.includes(value);
  const rank = placed.scope.of(placed.node.inputs[0] ?? "").shape?.length;
  if (typeof value !== "number") return false;
  return rank === undefined ? value === -1 : axisOf(value, rank) === rank - 1;
}

export const attributes: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const limits = supportOf(subject, placed)?.attributes ?? {};
    for (const [name, limit] of Object.entries(limits)) {
      const { node } = placed;
      const given = Object.hasOwn(node.attributes, name) ? node.attributes[name] : undefined;
      const isScalar = given?.kind === "int" || given?.kind === "float" || given?.kind === "string";
      const value = isScalar ? given.value : given === undefined ? limit.missing : "?";
      if (isAllowed(placed, value, limit)) continue;
      const wanted = limit.allowed === "last-axis" ? "the last axis" : limit.allowed.join(" or ");
      const message = `${name} of ${operatorName(node)} is ${shorten(String(value))}; ${subject.profile.label} takes ${wanted}`;
      const advice = limit.allowed === "last-axis" ? "transpose around it" : `set ${name} to ${wanted}`;
      findings.about("attribute", placed, rejection(subject, placed, message, advice));
    }
  }
};
