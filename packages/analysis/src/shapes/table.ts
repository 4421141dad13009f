/** One row per operator with a shape inference rule. Outputs of operators without a row are unknown. */
import { CONSTANTS } from "./constants.js";
import type { InferRule } from "./context.js";
import { ELEMENTWISE } from "./elementwise.js";
import { INDEXING } from "./indexing.js";
import { LAYOUT } from "./layout.js";
import { CONTRIB_MULTIPLY, MULTIPLY } from "./multiply.js";
import { CONTRIB_QUANTIZED, QUANTIZED } from "./quantized.js";
import { REDUCE } from "./reduce.js";
import { CONTRIB_SEQUENCE_MODELS, SEQUENCE_MODELS } from "./sequence-models.js";
import { WINDOWS } from "./windows.js";

const RULES: Readonly<Record<string, Readonly<Record<string, InferRule>>>> = {
  "": {
    ...CONSTANTS,
    ...ELEMENTWISE,
    ...INDEXING,
    ...LAYOUT,
    ...MULTIPLY,
    ...QUANTIZED,
    ...REDUCE,
    ...SEQUENCE_MODELS,
    ...WINDOWS,
  },
  "com.microsoft": { ...CONTRIB_MULTIPLY, ...CONTRIB_QUANTIZED, ...CONTRIB_SEQUENCE_MODELS },
};

/** The rule of an operator; undefined if there is none. */
export function inferRuleOf(domain: string, opType: string): InferRule | undefined {
  const rules = Object.hasOwn(RULES, domain) ? RULES[domain] : undefined;
  return rules !== undefined && Object.hasOwn(rules, opType) ? rules[opType] : undefined;
}

/** Operators with a rule, as `domain:name`; standard ONNX operators without a domain. */
export function inferredOperators(): readonly string[] {
  return Object.entries(RULES).flatMap(([domain, rules]) =>
    Object.keys(rules).map((name) => (domain === "" ? name : `${domain}:${name}`)),
  );
}
