/** All checks, in the order in which they run. */
import { combinations } from "./combinations.js";
import * as inputs from "./inputs.js";
import * as layouts from "./layouts.js";
import * as model from "./model.js";
import * as operatorSizes from "./operator-sizes.js";
import * as operators from "./operators.js";
import * as qdq from "./qdq.js";
import * as qdqWeights from "./qdq-weights.js";
import type { Rule } from "./rule.js";
import * as shapes from "./shapes.js";
import * as specialOperators from "./special-operators.js";
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
  shapes.filledInputs,
  specialOperators.batches,
  inputs.dtypes,
  signatures,
  inputs.constantInputs,
  inputs.inputCounts,
  inputs.equations,
  inputs.attributes,
  combinations,
  specialOperators.lastOperators,
  specialOperators.wholeSizes,
  layouts.loneLayouts,
  layouts.convertedOutputs,
  specialOperators.gaps,
  specialOperators.lastSizes,
  specialOperators.widestInputs,
  specialOperators.steps,
  specialOperators.depths,
  specialOperators.signs,
  operatorSizes.singleBatches,
  operatorSizes.indices,
  operatorSizes.scalars,
  operatorSizes.rows,
  operatorSizes.evenOutputs,
  operatorSizes.topPadding,
  operatorSizes.lonePadding,
  inputs.lastWindows,
  qdq.form,
  qdq.parameters,
  qdqWeights.weights,
  qdqWeights.biases,
  model.folded,
];
