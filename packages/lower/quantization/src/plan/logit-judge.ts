/** How far a changed model's next-token distributions are from the original's, on real rows. */
import { GRAPH_IO, type DeviceModel } from "@slm/artifact";
import { SlmError } from "@slm/error";
import type { Graph } from "@slm/graph";
import type { Session } from "@slm/runtime";
import { fetchedFloats, withSession } from "../calibration/feeds.js";
import { loadGraph, type GraphName, type ModelCalibration } from "../calibration/model-feeds.js";
import { feedDecoder, planPairBatches, type PairBatch } from "../calibration/pair-feeds.js";

/**
 * Mean of KL(p || q) over rows, p and q being the softmax of two rows of logits.
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
  // Rounding can take a distance of zero below it.
  return Math.max(0, sum);
}

/** Graphs in place of the model's own. */
export type ChangedGraphs = Readonly<Partial<Record<GraphName, Graph>>>;

/** Knows the original's answers. */
export interface LogitJudge {
  /** Rows asked. */
  readonly rows: number;
  /** Mean divergence of the changed model from the original [nats per token]. */
  divergence(changed: ChangedGraphs): Promise<number>;
  /** The same for a model in a directory, with graphs of the same names. */
  divergenceOf(directory: string, files: DeviceModel["graphs"]): Promise<number>;
}

interface Sessions {
  readonly encoder: Session | undefined;
  readonly decoder: Session;
}

/** The last logits of every batch. */
async function answers(
  batches: readonly PairBatch[],
  model: DeviceModel,
  { encoder, decoder }: Sessions,
): Promise<readonly Float32Array[]> {
  const found: Float32Array[] = [];
  for await (const feeds of feedDecoder(batches, model, encoder)) {
    const { fetched } = await decoder.run({ feeds, fetch: [GRAPH_IO.logits] });
    found.push(fetchedFloats(fetched, GRAPH_IO.logits));
  }
  return found;
}

/** Runs `body` with the sessions of a directory, released afterwards. */
async function withFiles<Result>(
  { runtime }: ModelCalibration,
  directory: string,
  files: DeviceModel["graphs"],
  body: (sessions: Sessions) => Promise<Result>,
): Promise<Result> {
  const decoder = await loadGraph(runtime, directory, files.decoder.file);
  try {
    const encoder =
      files.encoder === undefined ? undefined : await loadGraph(runtime, directory, files.encoder.file);
    try {
      return await body({ encoder, decoder });
    } finally {
      await encoder?.release();
    }
  } finally {
    await decoder.release();
  }
}

/**
 * Runs `body` with a judge of models made from the float32 export in `directory`.
 *
 * @throws SlmError DATA_INVALID if no row fits the model
 */
export function withLogitJudge<Result>(
  directory: string,
  model: DeviceModel,
  calibration: ModelCalibration,
  body: (judge: LogitJudge) => Promise<Result>,
): Promise<Result> {
  const batches = planPairBatches(calibration.pairs, model);
  const { runtime } = calibration;
  const rows = batches.reduce((sum, { sources }) => sum + sources.length, 0);
  return withFiles(calibration, directory, model.graphs, async (original) => {
    const reference = await answers(batches, model, original);
    const compare = async (sessions: Sessions): Promise<number> => {
      const found = await answers(batches, model, sessions);
      const sums = found.map(
        (logits, at) =>
          logitDivergence(reference[at]!, logits, model.vocabularySize) * batches[at]!.sources.length,
      );
      return sums.reduce((sum, part) => sum + part, 0) / rows;
    };
    const load = <Inner>(
      graph: Graph | undefined,
      own: Session | undefined,
      inner: (session: Session | undefined) => Promise<Inner>,
    ): Promise<Inner> => (graph === undefined ? inner(own) : withSession(runtime, graph, inner, "all"));
    return body({
      rows,
      divergence: ({ encoder, decoder }) =>
        load(encoder, original.encoder, (first) =>
          load(decoder, original.decoder, (second) => compare({ encoder: first, decoder: second! })),
        ),
      divergenceOf: (other, files) => withFiles(calibration, other, files, compare),
    });
  });
}
