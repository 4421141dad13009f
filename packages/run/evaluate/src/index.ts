export {
  evaluateModel,
  type Evaluation,
  type EvaluationInput,
  type EvaluationRow,
} from "./evaluate-model.js";
