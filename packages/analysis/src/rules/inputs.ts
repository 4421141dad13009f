/** Rules about the inputs and attributes of single operators: element types, constants, values, number of inputs. */
import { attributeOf, shorten, type OnnxDType } from "@slm/onnx";
import { operatorName } from "./finding.js";
import type { AttributeLimit } from "../profiles/profile.js";
import { isNumber } from "../shapes/facts.js";
import { isControlFlow, type PlacedNode, type Subject } from "./subject.js";
import { attributeValue, isAllowed } from "./attribute-value.js";
import { isDequantize, partsOfUnit } from "./quantized-graph.js";
import { dataTypeOf } from "./signatures.js";
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
    const { constantInputs = [], plainConstants = [] } = supportOf(subject, placed) ?? {};
    const isUnit = subject.profile.quantization === undefined || partsOfUnit(subject, placed).length > 0;
    for (const index of [...constantInputs, ...plainConstants]) {
      const value = node.inputs[index] ?? "";
      if (value === "" || scope.isKnown(value) || scope.of(value).shape?.includes(0) === true) continue;
      const dequantized = scope.index.producerOf(value)?.node;
      const isDequantized =
        isUnit &&
        dequantized !== undefined &&
        isDequantize(dequantized) &&
        scope.isKnown(dequantized.inputs[0] ?? "");
      if (isDequantized && !plainConstants.includes(index)) continue;
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
    const support = supportOf(subject, placed);
    const { minInputs = 0, absentInputs = [], outputCount, minOutputsOf = {} } = support ?? {};
    const add = (message: string, advice: string): void => {
      findings.about("input-count", placed, rejection(subject, placed, message, advice));
    };
    const given = node.inputs.length;
    if (given < minInputs)
      add(
        `${operatorName(node)} has ${given} inputs; ${label} needs ${minInputs} or more`,
        "replace it with Identity",
      );
    const dtype = dataTypeOf(placed, support);
    const minOutputs = dtype === undefined ? 0 : (minOutputsOf[dtype] ?? 0);
    if (node.outputs.length < minOutputs)
      add(
        `${operatorName(node)} of ${dtype ?? ""} has ${node.outputs.length} outputs; ${label} needs ${minOutputs} or more`,
        "replace it with Identity",
      );
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

/** Renames the letters of an equation in order of appearance. */
function withOwnLetters(equation: string): string {
  const letters = new Map<string, string>();
  return equation.replaceAll(/\s/g, "").replaceAll(/[A-Za-z]/g, (letter) => {
    const own = letters.get(letter) ?? String.fromCodePoint(97 + letters.size);
    letters.set(letter, own);
    return own;
  });
}

export const equations: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { equations: always, floatEquations = [] } = supportOf(subject, placed) ?? {};
    if (always === undefined) continue;
    const allowed = partsOfUnit(subject, placed).length > 0 ? always : [...always, ...floatEquations];
    const equation = attributeOf(placed.node, "equation", "string") ?? "";
    if (allowed.includes(withOwnLetters(equation))) continue;
    const message = `equation ${shorten(equation)}; ${subject.profile.label} supports only matrix products: ${allowed.join(" or ")}`;
    const advice = "write it as Transpose, Reshape and MatMul";
    findings.about("attribute", placed, rejection(subject, placed, message, advice));
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

/**
 * Checks pooling with `ceil_mode`: ONNX omits a last window that starts in the padding after the data (opset 22), but not every compiler
 * does.
 */
export const lastWindows: Rule = (subject, findings) => {
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    if (supportOf(subject, placed)?.fullWindows !== true || attributeOf(node, "ceil_mode", "int") !== 1)
      continue;
    const sizes = scope.of(node.inputs[0] ?? "").shape?.slice(2) ?? [];
    const counts = scope.of(node.outputs[0] ?? "").shape?.slice(2) ?? [];
    const at = (name: string, index: number, missing: number): number =>
      attributeOf(node, name, "ints")?.[index] ?? missing;
    const isCut = sizes.some((size, axis) => {
      const count = counts[axis];
      if (!isNumber(size) || !isNumber(count)) return false;
      const pads = at("pads", axis, 0) + at("pads", axis + sizes.length, 0);
      const room = size + pads - at("kernel_shape", axis, 1);
      return count < Math.ceil(room / at("strides", axis, 1)) + 1;
    });
    if (!isCut) continue;
    const message = `ceil_mode of ${operatorName(node)} omits a window that starts after the data; ${subject.profile.label} does not`;
    findings.about(
      "attribute",
      placed,
      rejection(subject, placed, message, "pad the data and remove ceil_mode"),
    );
  }
};
