export {
  evaluateModel,
  type Answerer,
  type Evaluation,
  type EvaluationInput,
  type EvaluationRow,
  type MeanLikelihood,
} from "./evaluate-model.js";
export { PERPLEXITY, type EvaluationMetricName } from "./metric-names.js";
export {
  loadScoringGenerator,
  type Likelihood,
  type ScoredPair,
  type ScoreOptions,
  type Scorer,
} from "./score-texts.js";
