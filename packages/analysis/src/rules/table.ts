/** All checks, in the order in which they run. */
import { combinations } from "./combinations.js";
import { conditions } from "./conditions.js";
import * as inputs from "./inputs.js";
import { convertedOutputs } from "./layouts.js";
import * as model from "./model.js";
import * as operators from "./operators.js";
import * as qdq from "./qdq.js";
import * as qdqWeights from "./qdq-weights.js";
import type { Rule } from "./rule.js";
import * as shapes from "./shapes.js";
import { signatures } from "./signatures.js";

/** Checks that need no rules of a device. */
export const GENERAL_CHECKS: readonly Rule[] = [
  operators.existing,
  operators.opsets,
  shapes.staticShapes,
  shapes.fittingShapes,
  shapes.sizes,
  model.names,
  model.omitted,
  shapes.unknowns,
];

/** Checks of the rules of a device. */
export const DEVICE_CHECKS: readonly Rule[] = [
  operators.operators,
  operators.controlFlow,
  shapes.ranks,
  shapes.ranksOfTypes,
  inputs.dtypes,
  signatures,
  inputs.constantInputs,
  inputs.inputCounts,
  inputs.attributes,
  combinations,
  conditions,
  convertedOutputs,
  qdq.scalars,
  qdq.form,
  qdq.parameters,
  qdqWeights.weights,
  qdqWeights.biases,
  model.folded,
];
