/** Limits the initial confidence of a student that is initialized from its teacher's layers. */
import { LAST_NORM_WEIGHT, outputHead, type ModelConfig, type Weights } from "@slm/model";
import { createHostTensor, type DeviceTensor } from "@slm/runtime";
import { crossEntropy, math, type Engine } from "@slm/tensor";
import {
  modelPass,
  packWeights,
  planChunks,
  unpackParameters,
  valueInput,
  valueSpecs,
  type TokenPairs,
} from "@slm/training";

/** Number of rows; a few are enough to see a factor of two in the scale. */
const ROWS = 32;
/** Rows per batch. */
const BATCH = 8;
/** Scales to compare, from 1 to nearly 0. */
const SCALES: readonly number[] = Array.from({ length: 17 }, (_, index) => 2 ** (-index / 2));
/**
 * Accepted excess over the lowest cross-entropy [nats per token]. The lowest often belongs to logits near 0, which grow only as fast
 * as the norm's gain learns. Uninformative logits with a standard deviation of 1 cost half a nat.
 */
const SLACK = 0.5;

/** The scale of a student's logits at the start, and the cross-entropy [nats per token] on training rows without and with it. */
export interface StartScale {
  readonly scale: number;
  readonly before: number;
  readonly after: number;
}

/**
 * Scales the gain of the last norm, and so every logit, by the largest scale that keeps the cross-entropy on training rows within half a nat
 * of the lowest. Layers that were not trained to follow each other compute large logits for wrong tokens, which training would have to unlearn.
 *
 * Source: temperature scaling, Guo et al. 2017 (arXiv:1706.04599), section 4.2; here one temperature before training.
 */
export async function scaleStart(
  engine: Engine,
  config: ModelConfig,
  weights: Weights,
  pairs: TokenPairs,
): Promise<{ readonly weights: Weights; readonly start: StartScale }> {
  const losses = await lossesOf(engine, config, weights, pairs);
  const least = Math.min(...losses);
  const chosen = losses.findIndex((loss) => loss <= least + SLACK);
  const scale = SCALES[chosen]!;
  const gain = weights.get(LAST_NORM_WEIGHT)!;
  const scaled = Float32Array.from(gain.data as Float32Array, (value) => value * scale);
  return {
    weights: new Map([...weights, [LAST_NORM_WEIGHT, createHostTensor("float32", gain.shape, scaled)]]),
    start: { scale, before: losses[0]!, after: losses[chosen]! },
  };
}

/** Cross-entropy on some pairs for each scale in {@link SCALES}. */
async function lossesOf(
  engine: Engine,
  config: ModelConfig,
  weights: Weights,
  pairs: TokenPairs,
): Promise<readonly number[]> {
  const count = Math.min(ROWS, pairs.count);
  const rows = Array.from({ length: count }, (_, index) => Math.floor((index * pairs.count) / count));
  const { sources, targets } = await pairs.read(rows);
  const longest = (texts: readonly ArrayLike<number>[]): number =>
    Math.max(1, ...texts.map(({ length }) => length));
  // BOS or EOS adds one position to a target.
  const shape = { batch: BATCH, source: longest(sources), target: longest(targets) + 1 };
  const pass = modelPass(config, shape);
  const chunks = planChunks(config);
  const positions = shape.batch * shape.target;
  const program = await engine.compile({
    name: `start scale ${shape.batch}x${shape.source}x${shape.target}`,
    forwardOnly: true,
    inputs: {
      ...valueSpecs(chunks),
      ...pass.shared,
      ...pass.passInputs("gold"),
      "gold.labels": { dtype: "int32", shape: [positions] },
      "gold.mask": { dtype: "float32", shape: [positions] },
      "gold.count": { dtype: "float32", shape: [] },
    },
    build: (x) => {
      const parameters = unpackParameters(chunks, x);
      const states = pass.open(parameters, x).target("gold");
      const marked = { mask: x["gold.mask"]!, count: x["gold.count"]! };
      const lossAt = (scale: number): typeof states => {
        const logits = outputHead(config, parameters, math.mul(states, scale));
        return math.reshape(crossEntropy({ logits, ...marked }, x["gold.labels"]!), [1]);
      };
      return { losses: math.concat(SCALES.map(lossAt), 0) };
    },
  });
  const feeds: Record<string, DeviceTensor> = {};
  const sums = new Float64Array(SCALES.length);
  let tokens = 0;
  try {
    for (const chunk of chunks) feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
    for (let first = 0; first < count; first += BATCH) {
      const batch = [sources, targets].map((texts) => padded(texts.slice(first, first + BATCH)));
      const { feeds: gold, lossTokens } = pass.passFeeds("gold", batch[0]!, batch[1]!);
      const { fetched } = await program.run({
        feeds: { ...feeds, ...pass.sharedFeeds(batch[0]!), ...gold },
        fetch: ["losses"],
      });
      (fetched["losses"]!.data as Float32Array).forEach((loss, index) => {
        sums[index] = sums[index]! + loss * lossTokens;
      });
      tokens += lossTokens;
    }
    return [...sums].map((sum) => sum / tokens);
  } finally {
    await engine.release(Object.values(feeds));
    await program.release();
  }
}

/** Batches have a fixed size; the last row fills incomplete ones. */
const padded = <T>(rows: readonly T[]): readonly T[] =>
  Array.from({ length: BATCH }, (_, index) => rows[Math.min(index, rows.length - 1)]!);
