/** Rules about the inputs and attributes of single operators: element types, constants, values, number of inputs. */
import { shorten, type OnnxDType } from "@slm/onnx";
import { operatorName } from "../graph/finding.js";
import type { AttributeLimit } from "../profiles/profile.js";
import type { PlacedNode } from "../graph/scope.js";
import { isControlFlow, type Subject } from "./subject.js";
import { attributeValue, isAllowed } from "./attribute-value.js";
import { isDequantize, partsOfUnit } from "../graph/quantized-graph.js";
import { aboutModel, rejection, supportOf, type Rule } from "./rule.js";

const TYPE_ADVICE: Readonly<Partial<Record<OnnxDType, string>>> = {
  int64: "use int32 for ids and positions",
  float64: "export the model in float32",
  bfloat16: "export the model in float16 or float32",
  string: "convert text to numbers before the model",
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
      const message = `'${shorten(value)}' is ${dtype}; ${profile.label} supports ${profile.dtypes.join(", ")}`;
      const advice = TYPE_ADVICE[dtype] ?? "use one of these types";
      findings.about("dtype", placed, rejection(subject, placed, message, advice));
    }
    checkInputTypes(subject, placed, findings);
  }
  for (const [dtype, values] of converted) {
    const message = `${values.size} values are ${dtype}: ${profile.convertedTypes[dtype] ?? ""}`;
    const advice = TYPE_ADVICE[dtype] ?? "no change is needed if you accept this";
    findings.add(aboutModel("dtype", { severity: "info", message, advice }));
  }
};

function checkInputTypes(subject: Subject, placed: PlacedNode, findings: Parameters<Rule>[1]): void {
  const { node, scope } = placed;
  const { inputTypes = {} } = supportOf(subject, placed) ?? {};
  const { label } = subject.profile;
  for (const [index, types] of Object.entries(inputTypes)) {
    const value = node.inputs[Number(index)] ?? "";
    const { dtype } = scope.of(value);
    if (value === "" || dtype === undefined || types.includes(dtype)) continue;
    const message = `input ${index} of ${operatorName(node)} is ${dtype}; ${label} supports ${types.join(", ")} there`;
    const advice = `convert it to ${types[0] ?? "another type"}`;
    findings.about("dtype", placed, rejection(subject, placed, message, advice));
  }
}

export const constantInputs: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const { constantInputs = [] } = supportOf(subject, placed) ?? {};
    const isUnit =
      subject.profile.quantization === undefined || partsOfUnit(subject.profile, placed).length > 0;
    for (const index of constantInputs) {
      const value = node.inputs[index] ?? "";
      if (value === "" || scope.isKnown(value) || scope.of(value).shape?.includes(0) === true) continue;
      const dequantized = scope.index.producerOf(value)?.node;
      const isDequantized =
        isUnit &&
        dequantized !== undefined &&
        isDequantize(dequantized) &&
        scope.isKnown(dequantized.inputs[0] ?? "");
      if (isDequantized) continue;
      const message = `input ${index} of ${operatorName(node)}, '${shorten(value)}', must be a constant for ${subject.profile.label}, but it is computed`;
      const advice = "fix the sizes it is computed from, or make it an initializer";
      findings.about("constant-input", placed, rejection(subject, placed, message, advice));
    }
  }
};

export const inputCounts: Rule = (subject, findings) => {
  const { label } = subject.profile;
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    const { absentInputs = [], outputCount } = supportOf(subject, placed) ?? {};
    const add = (message: string, advice: string): void => {
      findings.about("input-count", placed, rejection(subject, placed, message, advice));
    };
    const present = absentInputs.find((index) => (node.inputs[index] ?? "") !== "");
    if (present !== undefined)
      add(
        `${operatorName(node)} has input ${present}; ${label} supports the operator only without it`,
        "remove the input",
      );
    const read = node.outputs.filter(
      (value) => value !== "" && (scope.index.isOutput(value) || scope.index.usesOf(value).length > 0),
    );
    if (outputCount !== undefined && read.length > outputCount)
      add(
        `${read.length} outputs of ${operatorName(node)} are read; ${label} supports ${outputCount}`,
        "compute the other outputs from it",
      );
  }
};

/** The required value of an attribute, and how to fix another value. */
function wantedText(name: string, { allowed }: AttributeLimit): readonly [string, string] {
  if (allowed === "last-axis") return ["the last axis", "add Transpose before and after it"];
  if (allowed === "ones") return ["ones", `remove ${name}`];
  const wanted = allowed.join(" or ");
  return [wanted, `set ${name} to ${wanted}`];
}

/** Whether an input is omitted or has no elements. */
function isEmpty({ node, scope }: PlacedNode, index: number): boolean {
  const value = node.inputs[index] ?? "";
  return value === "" || scope.of(value).shape?.includes(0) === true;
}

export const attributes: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const limits = supportOf(subject, placed)?.attributes ?? {};
    for (const [name, limit] of Object.entries(limits)) {
      const { node } = placed;
      const value = attributeValue(node, name, limit);
      const isMeant = limit.without === undefined || isEmpty(placed, limit.without);
      if (!isMeant || isAllowed(placed, value, limit)) continue;
      const [wanted, advice] = wantedText(name, limit);
      const message = `${name} of ${operatorName(node)} is ${shorten(String(value))}; ${subject.profile.label} supports ${wanted}`;
      const { otherwise } = limit;
      const remark =
        otherwise === undefined
          ? rejection(subject, placed, message, advice)
          : { severity: "error" as const, message: `${message}: ${otherwise}`, advice };
      findings.about("attribute", placed, remark);
    }
  }
};
