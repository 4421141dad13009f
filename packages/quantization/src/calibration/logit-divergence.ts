/** Measures the KL divergence of a changed model's next-token distributions from the original's, on real rows. */
import { GRAPH_IO, graphsOf, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { fetchedFloats } from "./feeds.js";
import { withGraphs } from "./graph-sessions.js";
import type { ModelCalibration } from "./model-feeds.js";
import { encodedFeeds, planRuns, seeRun } from "./pair-feeds.js";
import type { Runtime } from "@slm/runtime";
import type { RunRows } from "./token-pairs.js";

/**
 * Mean of KL(p || q) over rows, where p and q are the softmax of two rows of logits.
 *
 * Shapes: both `[rows, vocab]`. Units: nats per row.
 */
export function logitDivergence(reference: Float32Array, other: Float32Array, vocab: number): number {
  if (reference.length !== other.length || reference.length % vocab !== 0) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `quantize: expected ${reference.length} logits in rows of ${vocab}, got ${other.length}`,
    );
  }
  let sum = 0;
  for (let start = 0; start < reference.length; start += vocab) {
    sum += rowDivergence(reference.subarray(start, start + vocab), other.subarray(start, start + vocab));
  }
  return sum / (reference.length / vocab);
}

/** Largest logit, and log of the sum of exponentials. */
function logSum(logits: Float32Array): number {
  let largest = -Infinity;
  for (const logit of logits) if (logit > largest) largest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  return largest + Math.log(sum);
}

function rowDivergence(reference: Float32Array, other: Float32Array): number {
  const [first, second] = [logSum(reference), logSum(other)];
  let sum = 0;
  for (let at = 0; at < reference.length; at += 1) {
    const log = reference[at]! - first;
    sum += Math.exp(log) * (log - (other[at]! - second));
  }
  // Rounding can make a distance of zero negative.
  return Math.max(0, sum);
}

/** A model in a directory. */
interface ModelFiles {
  readonly directory: string;
  readonly model: DeviceModel;
}

/** The logits of the last position of every run. */
function lastLogits(
  { directory, model }: ModelFiles,
  runs: readonly RunRows[],
  runtime: Runtime,
): Promise<readonly Float32Array[]> {
  return withGraphs(runtime, directory, graphsOf(model), async ({ vision, encoder, decoder }) => {
    const found: Float32Array[] = [];
    for (const run of runs) {
      const feeds = await encodedFeeds(await seeRun(run, model, vision), model, encoder);
      const { fetched } = await decoder!.run({ feeds, fetch: [GRAPH_IO.logits] });
      found.push(fetchedFloats(fetched, GRAPH_IO.logits));
    }
    return found;
  });
}

/**
 * Mean divergence of a model from the float32 export that it was made from, on calibration rows [nats per token].
 *
 * @throws SlmError DATA_INVALID if no row fits the model
 */
export async function modelDivergence(
  original: ModelFiles,
  changed: ModelFiles,
  { pairs, runtime }: ModelCalibration,
): Promise<number> {
  const { model } = original;
  const runs = planRuns(pairs, model);
  const reference = await lastLogits(original, runs, runtime);
  const found = await lastLogits(changed, runs, runtime);
  const sums = runs.map(
    ({ length }, at) => logitDivergence(reference[at]!, found[at]!, model.vocabularySize) * length,
  );
  const rows = runs.reduce((sum, { length }) => sum + length, 0);
  return sums.reduce((sum, part) => sum + part, 0) / rows;
}
