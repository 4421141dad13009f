/** A tiny decoder-only model that learns to repeat a token: small enough for the plain JavaScript engine. */
import { createRandom } from "@slm/generation";
import {
  decode,
  decoderDropoutShapes,
  decoderOnlyConfig,
  outputHead,
  type DecoderOnlyConfig,
} from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import { createHostTensor } from "@slm/runtime";
import { SILENT, type StageContext } from "@slm/core";
import { createEagerEngine, crossEntropy, math } from "@slm/tensor";
import { pairsOf, type TokenPairs } from "../data/pairs.js";
import type { DevMetric, Objective, TrainRequest } from "../contract/training-contract.js";
import { trainingSettings } from "../training-config.js";

const VOCABULARY = 9;

export const copyConfig: DecoderOnlyConfig = decoderOnlyConfig.parse({
  ...TINY_SHAPE,
  feedForward: 16,
  vocabularySize: VOCABULARY,
});

/** Pairs `[t] -> [t, ..., t]` of one to three tokens. */
export function copyPairs(count: number, seed: number): TokenPairs {
  const { next } = createRandom(seed);
  const tokens = Array.from({ length: count }, () => 4 + Math.floor(next() * (VOCABULARY - 4)));
  return pairsOf(
    tokens.map((token) => [token]),
    tokens.map((token, index) => new Array<number>(1 + (index % 3)).fill(token)),
  );
}

/** Next-token cross-entropy over `[source, bos, target..., eos]`, padding not counted. */
export function copyObjective(pairs: TokenPairs, batchSize: number): Objective {
  const { pad, bos, eos } = copyConfig.tokens;
  return {
    definition: ({ source, target }) => {
      const length = source + target;
      return {
        inputs: {
          ids: { dtype: "int32", shape: [batchSize, length] },
          labels: { dtype: "int32", shape: [batchSize * length] },
          mask: { dtype: "float32", shape: [batchSize * length] },
          count: { dtype: "float32", shape: [] },
        },
        terms: ["crossEntropy"],
        dropoutShapes: decoderDropoutShapes(copyConfig, batchSize, length),
        build: (parameters, x) => {
          const hidden = decode(copyConfig, parameters, x["ids"]!);
          const logits = math.reshape(outputHead(copyConfig, parameters, hidden), [
            batchSize * length,
            VOCABULARY,
          ]);
          const loss = crossEntropy({ logits, mask: x["mask"]!, count: x["count"]! }, x["labels"]!);
          return { loss, terms: { crossEntropy: loss } };
        },
      };
    },
    feeds: async ({ rows }, { source, target }) => {
      const { sources, targets } = await pairs.read(rows);
      const length = source + target;
      const ids = new Int32Array(batchSize * length).fill(pad);
      const labels = new Int32Array(batchSize * length).fill(pad);
      const mask = new Float32Array(batchSize * length);
      let lossTokens = 0;
      sources.forEach((tokens, index) => {
        const sequence = [...tokens, bos, ...targets[index]!, eos];
        sequence.slice(0, -1).forEach((token, position) => {
          const at = index * length + position;
          ids[at] = token;
          labels[at] = sequence[position + 1]!;
          mask[at] = position >= tokens.length ? 1 : 0;
          lossTokens += mask[at];
        });
      });
      return {
        feeds: {
          ids: createHostTensor("int32", [batchSize, length], ids),
          labels: createHostTensor("int32", [batchSize * length], labels),
          mask: createHostTensor("float32", [batchSize * length], mask),
          count: createHostTensor("float32", [], Float32Array.of(lossTokens)),
        },
        tokens: lossTokens,
        lossTokens,
      };
    },
  };
}

/** A metric that reads the current weights without decoding: the largest weight of the embedding. */
const embeddingMetric: DevMetric = {
  ranking: [{ name: "largest", higherIsBetter: false }],
  measure: async ({ engine, feeds }) => {
    const [first] = Object.values(feeds);
    const { data } = await engine.download(first!);
    return { largest: (data as Float32Array).reduce((a, b) => Math.max(a, Math.abs(b)), 0) };
  },
};

export const copySettings = trainingSettings.parse({
  steps: 30,
  batchSize: 8,
  learningRate: 0.02,
  warmupSteps: 5,
  buckets: 2,
  evaluateEvery: 8,
  evaluateRows: 8,
});

/** A run of the task on the plain JavaScript engine, with changes. */
export async function copyRequest(
  { workDirectory, pairs }: { readonly workDirectory: string; readonly pairs: TokenPairs },
  changes: Partial<TrainRequest> = {},
  context: Partial<StageContext> = {},
): Promise<TrainRequest> {
  const settings = changes.settings ?? copySettings;
  return {
    stage: "copy",
    engine: await createEagerEngine("js"),
    config: copyConfig,
    settings,
    lengths: pairs.lengths,
    objective: copyObjective(pairs, settings.batchSize),
    dev: embeddingMetric,
    workDirectory,
    key: "key",
    context: { progress: SILENT, signal: new AbortController().signal, seed: 5, ...context },
    ...changes,
  };
}
