/**
 * The loss of quantization-aware training: the student with rounded weights learns from its own float32 weights before the phase
 * (self-distillation) and from labels. Source: LLM-QAT, Liu et al. 2023 (arXiv:2305.17888), section 2.2.
 */
import { outputHead, type ModelConfig, type Parameters } from "@slm/model";
import type { DeviceTensor } from "@slm/runtime";
import { crossEntropy, forwardKl, math, scope, type Engine, type Tensor, type TensorSpec } from "@slm/tensor";
import {
  modelPass,
  packWeights,
  planChunks,
  unpackParameters,
  valueInput,
  valueSpecs,
  type LossDefinition,
  type PassShape,
} from "@slm/training";
import type { Weights } from "@slm/model";
import { lossConfig } from "../config/loss-config.js";

/** Weights of the terms. */
const WEIGHTS = lossConfig.parse({});

/** Prefix of the program inputs for the float32 weights. */
const FLOAT = "float.";

const withPrefix = <Value>(values: Readonly<Record<string, Value>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [FLOAT + name, value]));

/** Uploads the float32 weights, which the caller releases, as inputs of the programs of {@link quantizedLoss}. */
export async function floatFeeds(
  engine: Engine,
  config: ModelConfig,
  weights: Weights,
): Promise<Readonly<Record<string, DeviceTensor>>> {
  const feeds: Record<string, DeviceTensor> = {};
  for (const chunk of planChunks(config))
    feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
  return withPrefix(feeds);
}

/** @param round rounds the weights as the scheme does */
export function quantizedLoss(
  config: ModelConfig,
  shape: PassShape,
  round: (parameters: Parameters) => Parameters,
): LossDefinition {
  const pass = modelPass(config, shape);
  const chunks = planChunks(config);
  const positions = shape.batch * shape.target;
  const perPosition = (dtype: TensorSpec["dtype"]): TensorSpec => ({ dtype, shape: [positions] });
  const logitsOf = (parameters: Parameters, x: Readonly<Record<string, Tensor>>): Tensor =>
    outputHead(config, parameters, pass.open(parameters, x).target(TARGETS));
  return {
    inputs: {
      ...pass.shared,
      ...pass.passInputs(TARGETS),
      [`${TARGETS}.labels`]: perPosition("int32"),
      [`${TARGETS}.mask`]: perPosition("float32"),
      [`${TARGETS}.count`]: { dtype: "float32", shape: [] },
      ...withPrefix(valueSpecs(chunks)),
    },
    dropoutShapes: [],
    terms: ["forwardKl", "crossEntropy"],
    build: (parameters, x) => {
      const float = Object.fromEntries(
        chunks.map((chunk) => [valueInput(chunk), x[FLOAT + valueInput(chunk)]!]),
      );
      const teacher = scope("float", () => logitsOf(unpackParameters(chunks, float), x));
      const masked = {
        logits: logitsOf(round(parameters), x),
        mask: x[`${TARGETS}.mask`]!,
        count: x[`${TARGETS}.count`]!,
      };
      const terms = {
        forwardKl: forwardKl(masked, teacher),
        crossEntropy: crossEntropy(masked, x[`${TARGETS}.labels`]!),
      };
      const loss = math.add(
        math.mul(terms.forwardKl, WEIGHTS.forwardKl),
        math.mul(terms.crossEntropy, WEIGHTS.crossEntropy),
      );
      return { loss, terms };
    },
  };
}

/** Prefix of the program inputs for the targets, as `studentBatches` names them. */
const TARGETS = "distill";
