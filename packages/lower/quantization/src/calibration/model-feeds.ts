/** Calibration data of an exported model directory, graph by graph. */
import { resolveInside, type DeviceModel } from "@slm/artifact";
import type { Runtime, Session } from "@slm/runtime";
import type { FeedSource } from "./feeds.js";
import { encoderFeeds, feedDecoder, planPairBatches, type TokenPair } from "./pair-feeds.js";
import {
  pairsFor,
  staticDecoderFeeds,
  staticEncoderFeeds,
  type StaticBucket,
  type StaticLayout,
} from "./static-feeds.js";

export type GraphName = keyof DeviceModel["graphs"];

/** Rows of real data, and what runs them. */
export interface ModelCalibration {
  readonly runtime: Runtime;
  readonly pairs: readonly TokenPair[];
}

/** Loads a graph of a model directory. */
export function loadGraph(runtime: Runtime, directory: string, file: string): Promise<Session> {
  return runtime.load({ kind: "file", path: resolveInside(directory, file) }, { name: file });
}

/**
 * Runs `body` with feeds for each graph of a float32 export; the decoder's come from its encoder.
 *
 * @throws SlmError DATA_INVALID if no pair fits the model
 */
export async function withModelFeeds<Result>(
  directory: string,
  model: DeviceModel,
  { runtime, pairs }: ModelCalibration,
  body: (feeds: Readonly<Record<GraphName, FeedSource>>) => Promise<Result>,
): Promise<Result> {
  const batches = planPairBatches(pairs, model);
  const file = model.graphs.encoder?.file;
  const encoder = file === undefined ? undefined : await loadGraph(runtime, directory, file);
  try {
    return await body({
      encoder: () => batches.map(encoderFeeds),
      decoder: () => feedDecoder(batches, model, encoder),
    });
  } finally {
    await encoder?.release();
  }
}

/** The same for the graphs of one fixed size (target npu). */
export async function withStaticFeeds<Result>(
  directory: string,
  model: DeviceModel,
  { layout, bucket }: { readonly layout: StaticLayout; readonly bucket: StaticBucket },
  { runtime, pairs }: ModelCalibration,
  body: (feeds: Readonly<Record<GraphName, FeedSource>>) => Promise<Result>,
): Promise<Result> {
  const chosen = pairsFor(pairs, bucket, layout);
  const encoder = await loadGraph(runtime, directory, bucket.encoder.file);
  try {
    const decoder = await loadGraph(runtime, directory, bucket.decoder.file);
    try {
      return await body({
        encoder: () => chosen.map((pair) => staticEncoderFeeds(pair, bucket, layout, model.tokens.pad)),
        decoder: () => staticDecoderFeeds(chosen, model, { layout, bucket }, { encoder, decoder }),
      });
    } finally {
      await decoder.release();
    }
  } finally {
    await encoder.release();
  }
}
