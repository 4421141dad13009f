/** Measures the KL divergence of a changed model's next-token distributions from the original's, on real rows. */
import { GRAPH_IO, graphsOf, readDeviceModel, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { fetchedFloats } from "./feeds.js";
import { withGraphs, type GraphSessions } from "./graph-sessions.js";
import type { ModelCalibration } from "./model-feeds.js";
import { encodedFeeds, planRuns, seeRun, type SeenRun } from "./pair-feeds.js";
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

/** The logits of the last position of every run. */
async function answers(
  runs: readonly SeenRun[],
  model: DeviceModel,
  { encoder, decoder }: GraphSessions,
): Promise<readonly Float32Array[]> {
  const found: Float32Array[] = [];
  for (const run of runs) {
    const feeds = await encodedFeeds(run, model, encoder);
    const { fetched } = await decoder!.run({ feeds, fetch: [GRAPH_IO.logits] });
    found.push(fetchedFloats(fetched, GRAPH_IO.logits));
  }
  return found;
}

async function seeRuns(
  runs: readonly RunRows[],
  model: DeviceModel,
  { vision }: GraphSessions,
): Promise<readonly SeenRun[]> {
  const seen: SeenRun[] = [];
  for (const rows of runs) seen.push(await seeRun(rows, model, vision));
  return seen;
}

/**
 * Mean divergence of a changed model from the float32 export in `original` [nats per token].
 *
 * @param changed directory of a model with graphs of the same names
 * @throws SlmError DATA_INVALID if no row fits the model
 */
export async function modelDivergence(
  original: string,
  changed: string,
  { runtime, pairs }: ModelCalibration,
): Promise<number> {
  const model = await readDeviceModel(original);
  const runs = planRuns(pairs, model);
  const rows = runs.reduce((sum, { length }) => sum + length, 0);
  const answersOf = (directory: string, graphs: DeviceModel["graphs"]): Promise<readonly Float32Array[]> =>
    withGraphs(runtime, directory, graphsOf({ graphs }), async (sessions) =>
      answers(await seeRuns(runs, model, sessions), model, sessions),
    );
  const reference = await answersOf(original, model.graphs);
  const found = await answersOf(changed, (await readDeviceModel(changed)).graphs);
  const sums = found.map(
    (logits, at) => logitDivergence(reference[at]!, logits, model.vocabularySize) * runs[at]!.length,
  );
  return sums.reduce((sum, part) => sum + part, 0) / rows;
}
