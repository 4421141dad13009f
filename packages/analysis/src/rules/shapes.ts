/** Rules about shapes: static, consistent, known, not too many axes, not too large. */
import { elementCount, ONNX_DTYPES, type OnnxDType, shorten } from "@slm/onnx";
import { operatorName, type Severity } from "../graph/finding.js";
import { isNumber, isStatic, type Shape } from "../shapes/facts.js";
import { inferRuleOf } from "../shapes/table.js";
import type { PlacedNode } from "../graph/scope.js";
import { isControlFlow, type Subject } from "./subject.js";
import { quantizedTypeOf } from "../graph/quantized-graph.js";
import { dataTypeOf } from "./signatures.js";
import { sizeFlagsOf } from "./size-flags.js";
import { aboutInput, aboutModel, rejection, supportOf, type Rule } from "./rule.js";
import { shapeText } from "../shapes/facts.js";

const isSymbol = (size: number | string): boolean => typeof size === "string" && size !== "";

function hasSymbol(shape: Shape | undefined): boolean {
  return shape?.some(isSymbol) === true;
}

/** Whether the node reads symbolic sizes: in the shape of an input, or as values of a shape input. */
function readsSymbols({ node, scope }: PlacedNode): boolean {
  return node.inputs.some((name) => {
    const { shape, elements } = scope.of(name);
    return hasSymbol(shape) || elements?.some(isSymbol) === true;
  });
}

function isUnknown(shape: Shape | undefined): boolean {
  return shape === undefined || shape.includes("");
}

const valuesOf = ({ node }: PlacedNode): readonly string[] =>
  [...node.inputs, ...node.outputs].filter((name) => name !== "");

export const staticShapes: Rule = (subject, findings) => {
  const { model, profile } = subject;
  if (profile.shapes !== "static") return;
  const severity = "error";
  for (const input of model.inputs) {
    const { name, shape } = input;
    if (shape === undefined || isStatic(shape)) continue;
    const message = `input '${shorten(name)}' is ${shapeText(shape)}; ${profile.label} does not support graphs with dynamic sizes`;
    const flags = sizeFlagsOf(input, model).join(" ");
    const chosen = /[=,]N\b/.test(flags) ? " with a number for each N" : "";
    const advice = `fix the sizes, ${flags}${chosen}, or export one model per size`;
    findings.add(aboutInput("static-shape", name, { severity, message, advice }));
  }
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    if (readsSymbols(placed)) continue; // Report only the first node with a data-dependent size.
    const value = node.outputs.find((name) => hasSymbol(scope.of(name).shape));
    if (value === undefined) continue;
    const message = `output '${shorten(value)}' is ${shapeText(scope.of(value).shape)}: its size depends on the data`;
    const advice = "use an operator with a fixed output size, and a mask";
    findings.about("static-shape", placed, { severity, message, advice });
  }
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    if (valuesOf(placed).some((name) => scope.of(name).shape?.every(isNumber) !== true))
      findings.refuse("static-shape", node);
    const data = node.inputs.slice(0, 1).concat(node.outputs);
    const empty = data.find((name) => scope.of(name).shape?.includes(0) === true);
    if (empty === undefined || node.opType === "Concat") continue; // Concat drops inputs without elements.
    const message = `'${shorten(empty)}' is ${shapeText(scope.of(empty).shape)}: it has no elements`;
    findings.about("static-shape", placed, rejection(subject, placed, message, "remove the node"));
  }
};

const MISFITS = {
  misfit: ["error", "no runtime can run the model: export it again"],
  inside: [
    "error",
    "runtimes also check branches that are never taken: use other sizes, or export the model without the branch",
  ],
  contradiction: ["warning", "run ONNX shape inference on the model to rewrite the declared types"],
} as const satisfies Readonly<Record<string, readonly [Severity, string]>>;

export const fittingShapes: Rule = (subject, findings) => {
  const byNode = new Map(subject.all.map((placed) => [placed.node, placed]));
  for (const { node, kind, message } of subject.inferred.problems) {
    const placed = byNode.get(node);
    if (placed === undefined) continue;
    const place = kind === "misfit" && placed.scope !== subject.main ? "inside" : kind;
    const [severity, advice] = MISFITS[place];
    findings.about("shape", placed, { severity, message, advice });
  }
};

/** Highest rank that the operator supports for its data type; undefined: the profile's. */
function ownRank(subject: Subject, placed: PlacedNode): number | undefined {
  const support = supportOf(subject, placed);
  const dtype = quantizedTypeOf(subject.profile, placed) ?? dataTypeOf(placed, support);
  return (dtype === undefined ? undefined : support?.maxRankOf?.[dtype]) ?? support?.maxRank;
}

function isScalar({ node, scope }: PlacedNode, index: number): boolean {
  const value = node.inputs[index] ?? "";
  return value !== "" && scope.of(value).shape?.length === 0;
}

export const ranks: Rule = (subject, findings) => {
  const { profile } = subject;
  for (const placed of subject.nodes) {
    if (isControlFlow(placed.node)) continue;
    const { rejected, advised } = profile.maxRank;
    const own = ownRank(subject, placed);
    const most = own ?? rejected;
    const ranked = valuesOf(placed).map((name) => ({
      value: name,
      rank: placed.scope.of(name).shape?.length ?? 0,
    }));
    const support = supportOf(subject, placed);
    const scalar = support?.noScalars?.find((index) => isScalar(placed, index));
    if (scalar !== undefined) {
      const message = `input ${scalar} of ${operatorName(placed.node)} is a scalar; ${profile.label} needs a vector there`;
      findings.about("rank", placed, rejection(subject, placed, message, "give it an axis of one element"));
    }
    const { value, rank } = ranked.reduce((a, b) => (b.rank > a.rank ? b : a), { value: "", rank: 0 });
    const found = `'${shorten(value)}' ${shapeText(placed.scope.of(value).shape)} has ${rank} axes`;
    const advice = "merge axes with Reshape before it, or process slices";
    if (rank > most) {
      const message = `${found}; ${profile.label} supports ${most} for ${operatorName(placed.node)}`;
      findings.about("rank", placed, rejection(subject, placed, message, advice));
    } else if (rank > advised && own === undefined) {
      const message = `${found}; ${profile.label} supports ${advised} for most operators`;
      findings.about("rank", placed, { severity: "warning", message, advice });
    }
  }
};

/** Rule about values with more axes than the device supports for their element type, whatever the operator. */
export const ranksOfTypes: Rule = (subject, findings) => {
  const { maxRankOf = {}, label } = subject.profile;
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    if (isControlFlow(node)) continue;
    const value = valuesOf(placed).find((name) => {
      const { dtype, shape } = scope.of(name);
      const most = dtype === undefined ? undefined : maxRankOf[dtype];
      return most !== undefined && (shape?.length ?? 0) > most && !scope.isKnown(name);
    });
    if (value === undefined) continue;
    const { dtype, shape } = scope.of(value);
    const message = `'${shorten(value)}' ${shapeText(shape)} is ${dtype ?? ""}; ${label} supports ${dtype === undefined ? "" : (maxRankOf[dtype] ?? "")} axes of this type`;
    const advice = dtype === "int64" ? "use int32" : "merge axes with Reshape before it";
    findings.about("rank", placed, rejection(subject, placed, message, advice));
  }
};

/** Largest tensor: the limit of protobuf and of the compilers' 32-bit offsets [bytes]. */
const MAX_VALUE_BYTES = 2 ** 31;

function bytesOf(dtype: OnnxDType | undefined, shape: Shape | undefined): number {
  if (dtype === undefined || shape === undefined || !isStatic(shape)) return 0;
  return Math.ceil((elementCount(shape) * (ONNX_DTYPES[dtype].bits ?? 0)) / 8);
}

export const sizes: Rule = (subject, findings) => {
  const { model, profile } = subject;
  const weights = [...model.initializers.values()].reduce(
    (sum, { dtype, shape }) => sum + bytesOf(dtype, shape),
    0,
  );
  if (weights > profile.maxWeightBytes) {
    const message = `${weights} bytes of weights; ${profile.label} supports ${profile.maxWeightBytes}`;
    const advice = "quantize the model, or split it into graphs that run one after another";
    findings.add(aboutModel("size", { severity: "error", message, advice }));
  }
  if (profile.shapes !== "static") return;
  for (const placed of subject.nodes) {
    const value = placed.node.outputs.find((name) => {
      const { dtype, shape } = placed.scope.of(name);
      return bytesOf(dtype, shape) > MAX_VALUE_BYTES;
    });
    if (value === undefined) continue;
    const { dtype, shape } = placed.scope.of(value);
    const message = `'${shorten(value)}' ${shapeText(shape)} has ${bytesOf(dtype, shape)} bytes, the limit is ${MAX_VALUE_BYTES}`;
    const advice = "use smaller fixed sizes";
    findings.about("size", placed, { severity: "error", message, advice });
  }
};

/** The unknown fact about a value that other rules need; undefined if all are known. */
function missingFact(subject: Subject, placed: PlacedNode, value: string): string | undefined {
  const { dtype, shape } = placed.scope.of(value);
  if (shape === undefined) return "rank and sizes";
  if (subject.profile.shapes === "static" && shape.some((size) => !isNumber(size) && !isSymbol(size)))
    return "sizes";
  return dtype === undefined ? "element type" : undefined;
}

export const unknowns: Rule = (subject, findings) => {
  let values = 0;
  for (const placed of subject.nodes) {
    const { node, scope } = placed;
    if (isControlFlow(node)) continue;
    const unknown = node.outputs.filter(
      (name) => name !== "" && missingFact(subject, placed, name) !== undefined,
    );
    values += unknown.length;
    const [value] = unknown;
    if (value === undefined) continue;
    const isOrigin = !node.inputs.some(
      (name) => name !== "" && missingFact(subject, placed, name) !== undefined,
    );
    const hasRule = inferRuleOf(node.domain, node.opType) !== undefined;
    if (!isOrigin && hasRule) continue;
    const why = hasRule
      ? "it depends on values that are computed at run time"
      : "its operator has no shape inference";
    const what = missingFact(subject, placed, value) ?? "";
    const seen = isUnknown(scope.of(value).shape) ? shapeText(scope.of(value).shape) : "";
    const message = `${what} of '${shorten(value)}' ${seen} unknown: ${why}`.replace("  ", " ");
    const advice = "run ONNX shape inference on the model, or fix the sizes of its inputs";
    findings.about("unknown", placed, { severity: "warning", message, advice });
  }
  const inputs = subject.model.inputs.filter(
    ({ dtype, shape }) => dtype === undefined || shape === undefined,
  );
  for (const { name, shape } of inputs) {
    const message = `input '${shorten(name)}' ${shapeText(shape)}: the file does not specify its type or rank`;
    const advice = "declare the input's type in the model";
    findings.add(aboutInput("unknown", name, { severity: "warning", message, advice }));
  }
  const { rejected } = subject.main.reader;
  if (rejected > 0) {
    const message = `scales or zero points were not checked in ${rejected} places, because the model has too many`;
    const advice = "check the quantized nodes manually";
    findings.add(aboutModel("unknown", { severity: "warning", message, advice }));
  }
  if (values === 0) return;
  const message = `${values} values could not be checked by the rules about shapes and types`;
  const advice = "see the first nodes of unknown shape above";
  findings.add(aboutModel("unknown", { severity: "warning", message, advice }));
};
