import { decode, outputHead, type DecoderOnlyConfig } from "@slm/model";
import { crossEntropy, math } from "@slm/tensor";
import type { Objective, TokenPairs } from "@slm/training";
import { sequenceBatch } from "./sequence.js";

/**
 * Cross-entropy of a decoder-only model on the target part of `[source ; target]`.
 * Hidden states are picked at target positions before the output head, so the head never computes source positions.
 */
export function teacherObjective(
  config: DecoderOnlyConfig,
  pairs: TokenPairs,
  { batchSize, labelSmoothing }: { readonly batchSize: number; readonly labelSmoothing: number },
): Objective {
  return {
    definition: ({ source, target }) => {
      const positions = batchSize * target;
      return {
        inputs: {
          inputs: { dtype: "int32", shape: [batchSize, source + target] },
          labels: { dtype: "int32", shape: [batchSize, target] },
          mask: { dtype: "float32", shape: [positions] },
          count: { dtype: "float32", shape: [] },
          positions: { dtype: "int32", shape: [positions] },
        },
        terms: [],
        build: (parameters, x) => {
          const hidden = decode(config, parameters, x["inputs"]!);
          const flat = math.reshape(hidden, [batchSize * (source + target), config.width]);
          const logits = outputHead(config, parameters, math.gatherRows(flat, x["positions"]!));
          const counted = { logits, mask: x["mask"]!, count: x["count"]! };
          return {
            loss: crossEntropy(counted, math.reshape(x["labels"]!, [positions]), labelSmoothing),
            terms: {},
          };
        },
      };
    },
    feeds: async ({ rows }, bucket) => {
      const { sources, targets } = await pairs.read(rows);
      const chosen = sources.map((source, index) => ({ source, target: targets[index]! }));
      const { tokens, ...feeds } = sequenceBatch(chosen, { batch: batchSize, ...bucket }, config.tokens);
      const counted = targets.reduce((sum, { length }) => sum + length + 1, 0);
      return { feeds, tokens, counted };
    },
  };
}
