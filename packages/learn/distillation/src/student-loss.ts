/** The distillation loss as programs: one decoder pass when both terms read the same targets, two when they differ. */
import {
  crossCaches,
  decode,
  encode,
  outputHead,
  type EncoderDecoderConfig,
  type Parameters,
} from "@slm/model";
import { crossEntropy, forwardKl, lengthBias, math, type Tensor, type TensorSpec } from "@slm/tensor";
import type { Bucket, LossDefinition } from "@slm/training";

/** `shared`: KL and cross-entropy on the same targets. `separate`: KL on sampled targets, cross-entropy on gold ones. */
export type LossVariant = "shared" | "separate";

export interface StudentLossOptions {
  readonly batchSize: number;
  readonly klWeight: number;
  readonly labelSmoothing: number;
}

/** Inputs of one decoder pass, named with the prefix of the term it serves. */
const passSpecs = (prefix: string, batch: number, target: number): Record<string, TensorSpec> => ({
  [`${prefix}.target`]: { dtype: "int32", shape: [batch, target] },
  [`${prefix}.labels`]: { dtype: "int32", shape: [batch * target] },
  [`${prefix}.mask`]: { dtype: "float32", shape: [batch * target] },
  [`${prefix}.count`]: { dtype: "float32", shape: [] },
});

/**
 * klWeight · KL(teacher || student) + (1 - klWeight) · cross-entropy, each a mean over its counted target tokens.
 *
 * Source: arXiv:2501.16273, section on distillation (weights 0.9 and 0.1); its reference code averages the KL over
 * padding too, which this does not.
 */
export function studentLoss(
  config: EncoderDecoderConfig,
  { batchSize, klWeight, labelSmoothing }: StudentLossOptions,
  { source, target }: Bucket,
  variant: LossVariant,
): LossDefinition {
  const { vocabularySize } = config;
  return {
    inputs: {
      source: { dtype: "int32", shape: [batchSize, source] },
      lengths: { dtype: "int32", shape: [batchSize] },
      teacher: { dtype: "float32", shape: [batchSize * target, vocabularySize] },
      ...passSpecs("kl", batchSize, target),
      ...(variant === "separate" ? passSpecs("gold", batchSize, target) : {}),
    },
    terms: ["forwardKl", "crossEntropy"],
    build: (parameters, x) => {
      const context = readSource(config, parameters, x["source"]!, x["lengths"]!);
      const pass = (prefix: string): { logits: Tensor; mask: Tensor; count: Tensor } => {
        const hidden = decode(config, parameters, x[`${prefix}.target`]!, { source: context });
        const logits = math.reshape(outputHead(parameters, hidden), [batchSize * target, vocabularySize]);
        return { logits, mask: x[`${prefix}.mask`]!, count: x[`${prefix}.count`]! };
      };
      const byTeacher = pass("kl");
      const byLabel = variant === "separate" ? pass("gold") : byTeacher;
      const labels = x[variant === "separate" ? "gold.labels" : "kl.labels"]!;
      const terms = {
        forwardKl: forwardKl(byTeacher, x["teacher"]!),
        crossEntropy: crossEntropy(byLabel, labels, labelSmoothing),
      };
      const loss = math.add(math.mul(terms.forwardKl, klWeight), math.mul(terms.crossEntropy, 1 - klWeight));
      return { loss, terms };
    },
  };
}

function readSource(
  config: EncoderDecoderConfig,
  parameters: Parameters,
  ids: Tensor,
  lengths: Tensor,
): { cross: ReturnType<typeof crossCaches>; bias: Tensor } {
  const encoded = encode(config, parameters, ids, { lengths });
  return { cross: crossCaches(config, parameters, encoded), bias: lengthBias({ lengths, ids }, {}) };
}
