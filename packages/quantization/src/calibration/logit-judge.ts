/** Measures the KL divergence of a changed model's next-token distributions from the original's, on real rows. */
import { GRAPH_IO, GRAPH_NAMES, graphsOf, type DeviceModel, type GraphName } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import type { Graph } from "@slm/onnx";
import { fetchedFloats, withSession } from "./feeds.js";
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

/** Graphs that replace the model's own. */
type ChangedGraphs = Readonly<Partial<Record<GraphName, Graph>>>;

/** Compares models with the original, by their logits. */
export interface LogitJudge {
  /** Number of rows. */
  readonly rows: number;
  /** Mean divergence of the changed model from the original [nats per token]. */
  divergence(changed: ChangedGraphs): Promise<number>;
  /** The same for a model in a directory, with graphs of the same names. */
  divergenceOf(directory: string, files: DeviceModel["graphs"]): Promise<number>;
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
 * Runs `body` with a judge for models derived from the float32 export in `directory`.
 *
 * @throws SlmError DATA_INVALID if no row fits the model
 */
export function withLogitJudge<Result>(
  directory: string,
  model: DeviceModel,
  calibration: ModelCalibration,
  body: (judge: LogitJudge) => Promise<Result>,
): Promise<Result> {
  const runs = planRuns(calibration.pairs, model);
  const { runtime } = calibration;
  const rows = runs.reduce((sum, { length }) => sum + length, 0);
  return withGraphs(runtime, directory, graphsOf(model), async (original) => {
    const seenFirst = await seeRuns(runs, model, original);
    const reference = await answers(seenFirst, model, original);
    const compare = async (sessions: GraphSessions): Promise<number> => {
      const isSame = sessions.vision === original.vision;
      const seen = isSame ? seenFirst : await seeRuns(runs, model, sessions);
      const found = await answers(seen, model, sessions);
      const sums = found.map(
        (logits, at) => logitDivergence(reference[at]!, logits, model.vocabularySize) * runs[at]!.length,
      );
      return sums.reduce((sum, part) => sum + part, 0) / rows;
    };
    const divergence = async (changed: ChangedGraphs): Promise<number> => {
      const compareWith = (names: readonly GraphName[], sessions: GraphSessions): Promise<number> => {
        const [name, ...others] = names;
        if (name === undefined) return compare(sessions);
        const graph = changed[name];
        if (graph === undefined) return compareWith(others, sessions);
        return withSession(
          runtime,
          graph,
          (session) => compareWith(others, { ...sessions, [name]: session }),
          "all",
        );
      };
      return compareWith(GRAPH_NAMES, original);
    };
    return body({
      rows,
      divergence,
      divergenceOf: (other, files) => withGraphs(runtime, other, graphsOf({ graphs: files }), compare),
    });
  });
}
