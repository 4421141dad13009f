/** Findings of an analysis, and a collector with a limit against malicious models. */
import { type GraphNode, shorten } from "@slm/onnx";
import type { PlacedNode } from "./scope.js";

export type Severity = "error" | "warning" | "info";

export interface Finding {
  /** Name of the rule; stable, for scripts. */
  readonly rule: RuleName;
  readonly severity: Severity;
  /** Name of the node (with its parents if it is in a subgraph) or of an input; empty for the whole model. */
  readonly node: string;
  /** Operator with the naming of profiles; `input` for an input of the model; empty for the whole model. */
  readonly opType: string;
  readonly message: string;
  /** How to fix it. */
  readonly advice: string;
}

/** Every rule with its requirement, in the order of reports. */
export const RULES = {
  operator: "the device has the operator",
  opset: "the operator exists in the model's opset, and the device supports that version",
  "control-flow": "no If, Loop or Scan if the device runs one fixed sequence",
  "static-shape": "every size is a number",
  shape: "sizes and types are consistent",
  rank: "no more axes than the device supports",
  dtype: "element types that the device supports",
  "constant-input": "inputs that the compiler needs as constants are constants",
  "input-count": "a number of inputs that the device supports",
  attribute: "attributes have values that the device supports",
  "qdq-form": "each operator is between DequantizeLinear and QuantizeLinear",
  "qdq-parameters": "the device supports the scales and zero points",
  "qdq-weight": "the device supports the form of quantized weights",
  "qdq-bias": "biases are int32 with the scale of the product",
  size: "weights and values are not too large",
  name: "nodes have unique names",
  omitted: "the analysis covers everything in the file",
  folded: "nodes that only compute constants",
  unknown: "every fact that other rules need is known",
} as const;

export type RuleName = keyof typeof RULES;

/** A rule's verdict on a node. */
export interface Remark {
  readonly severity: Severity;
  readonly message: string;
  readonly advice: string;
  /** Whether the device does not compute the node. Default: true if the severity is error. */
  readonly isRefusal?: boolean | undefined;
}

/** Maximum number of findings kept per rule. More are only counted. */
const KEPT_PER_RULE = 200;

export type Counts = Readonly<Record<Severity, number>>;

export class Findings {
  readonly #kept: Finding[] = [];
  readonly #perRule = new Map<RuleName, number>();
  readonly #counts = { error: 0, warning: 0, info: 0 };
  readonly #refusals = new Map<GraphNode, readonly RuleName[]>();

  /** Adds a finding about one node. */
  about(rule: RuleName, { node, name }: PlacedNode, remark: Remark): void {
    const { severity, message, advice, isRefusal = severity === "error" } = remark;
    this.add({ rule, node: name, opType: operatorName(node), severity, message, advice });
    if (isRefusal) this.refuse(rule, node);
  }

  /** Records that the device does not compute a node, for a reason in another finding. */
  refuse(rule: RuleName, node: GraphNode): void {
    this.#refusals.set(node, [...this.refusalsOf(node), rule]);
  }

  /** The rules by which the device does not compute a node. */
  refusalsOf(node: GraphNode): readonly RuleName[] {
    return this.#refusals.get(node) ?? [];
  }

  add(finding: Finding): void {
    this.#counts[finding.severity] += 1;
    const count = (this.#perRule.get(finding.rule) ?? 0) + 1;
    this.#perRule.set(finding.rule, count);
    if (count <= KEPT_PER_RULE) this.#kept.push(finding);
  }

  get counts(): Counts {
    return { ...this.#counts };
  }

  /** Sorted in the order of rules, then by severity (the worst first), then node order. */
  list(): readonly Finding[] {
    const rules = Object.keys(RULES);
    const severities: readonly Severity[] = ["error", "warning", "info"];
    const place = ({ rule, severity }: Finding): number =>
      rules.indexOf(rule) * severities.length + severities.indexOf(severity);
    return [...this.#kept].sort((a, b) => place(a) - place(b));
  }

  /** Number of findings that were counted but not kept, for each rule. */
  get left(): Readonly<Record<string, number>> {
    const over = [...this.#perRule].filter(([, count]) => count > KEPT_PER_RULE);
    return Object.fromEntries(over.map(([rule, count]) => [rule, count - KEPT_PER_RULE]));
  }
}

/** The name of an operator in profiles: standard ONNX operators have no domain prefix. */
export function operatorName({ domain, opType }: Pick<GraphNode, "domain" | "opType">): string {
  return shorten(domain === "" ? opType : `${domain}:${opType}`);
}
