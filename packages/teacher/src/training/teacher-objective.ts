import { outputHead, type ModelConfig } from "@slm/model";
import { crossEntropy, type TensorSpec } from "@slm/tensor";
import { modelPass, type Objective, type PassShape, type TokenPairs } from "@slm/training";

/** Prefix of the feeds of the program's only pass over targets. */
const PASS = "gold";

/** Cross-entropy of a model on the targets of its pairs, including EOS. The output head skips source positions. */
export function teacherObjective(
  config: ModelConfig,
  pairs: TokenPairs,
  { batchSize, labelSmoothing }: { readonly batchSize: number; readonly labelSmoothing: number },
): Objective {
  const passOf = (bucket: Omit<PassShape, "batch">): ReturnType<typeof modelPass> =>
    modelPass(config, { batch: batchSize, ...bucket });
  return {
    definition: (bucket) => {
      const pass = passOf(bucket);
      const positions = batchSize * bucket.target;
      const labelled: Record<string, TensorSpec> = {
        [`${PASS}.labels`]: { dtype: "int32", shape: [positions] },
        [`${PASS}.mask`]: { dtype: "float32", shape: [positions] },
        [`${PASS}.count`]: { dtype: "float32", shape: [] },
      };
      return {
        inputs: { ...pass.shared, ...pass.passInputs(PASS), ...labelled },
        dropoutShapes: pass.dropoutShapes(1),
        terms: [],
        build: (parameters, x) => {
          const logits = outputHead(config, parameters, pass.open(parameters, x).target(PASS));
          const lossLogits = { logits, mask: x[`${PASS}.mask`]!, count: x[`${PASS}.count`]! };
          return { loss: crossEntropy(lossLogits, x[`${PASS}.labels`]!, labelSmoothing), terms: {} };
        },
      };
    },
    feeds: async ({ rows }, bucket) => {
      const { sources, targets } = await pairs.read(rows);
      const pass = passOf(bucket);
      const { feeds, lossTokens } = pass.passFeeds(PASS, sources, targets);
      const tokens = sources.reduce((sum, { length }) => sum + length, lossTokens);
      return { feeds: { ...pass.sharedFeeds(sources), ...feeds }, tokens, lossTokens };
    },
  };
}
