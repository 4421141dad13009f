/** Calibration data of an exported model directory, graph by graph. */
import { GRAPH_NAMES, resolveInside, type DeviceModel, type GraphName } from "@slm/artifact";
import type { Runtime, Session } from "@slm/runtime";
import type { FeedSource } from "./feeds.js";
import { seeImages, visionFeeds } from "./image-feeds.js";
import { encoderFeeds, feedDecoder, planPairBatches, seeBatches, type TokenPair } from "./pair-feeds.js";
import {
  pairsFor,
  staticDecoderFeeds,
  staticEncoderFeeds,
  type SeenPair,
  type StaticBucket,
  type StaticLayout,
} from "./static-feeds.js";

/** Rows of real data, and what runs them. */
export interface ModelCalibration {
  readonly runtime: Runtime;
  readonly pairs: readonly TokenPair[];
}

/** Loads a graph of a model directory. */
function loadGraph(runtime: Runtime, directory: string, file: string): Promise<Session> {
  return runtime.load({ kind: "file", path: resolveInside(directory, file) }, { name: file });
}

/** Sessions of some of a model's graphs. */
export type GraphSessions = Readonly<Partial<Record<GraphName, Session>>>;

/** Runs `body` with the graphs named, loaded; those that a model has not stay out. They are released afterwards. */
export async function withGraphs<Result>(
  runtime: Runtime,
  directory: string,
  graphs: Partial<DeviceModel["graphs"]>,
  body: (sessions: GraphSessions) => Promise<Result>,
): Promise<Result> {
  const sessions: Partial<Record<GraphName, Session>> = {};
  try {
    for (const name of GRAPH_NAMES) {
      const file = graphs[name]?.file;
      if (file !== undefined) sessions[name] = await loadGraph(runtime, directory, file);
    }
    return await body(sessions);
  } finally {
    for (const session of Object.values(sessions)) await session.release();
  }
}

/**
 * Runs `body` with feeds for each graph of a float32 export; each graph's come from those before it.
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
  const { decoder: _, ...before } = model.graphs;
  return withGraphs(runtime, directory, before, async (sessions) => {
    const seen = await seeBatches(batches, model, sessions.vision);
    return body({
      vision: () => visionFeeds(pairs, model),
      encoder: () => seen.map(encoderFeeds),
      decoder: () => feedDecoder(seen, model, sessions.encoder),
    });
  });
}

/** The same for the graphs of one fixed size (target npu). */
export async function withStaticFeeds<Result>(
  directory: string,
  model: DeviceModel,
  { layout, bucket }: { readonly layout: StaticLayout; readonly bucket: StaticBucket },
  { runtime, pairs }: ModelCalibration,
  body: (feeds: Readonly<Record<GraphName, FeedSource>>) => Promise<Result>,
): Promise<Result> {
  const chosen = pairsFor(pairs, model, { layout, bucket });
  const graphs = { ...model.graphs, encoder: bucket.encoder, decoder: bucket.decoder };
  return withGraphs(runtime, directory, graphs, async (sessions) => {
    const seen: SeenPair[] = [];
    for (const pair of chosen) {
      const patches = pair.patches === undefined ? [] : [pair.patches];
      seen.push({ ...pair, image: await seeImages(patches, model, sessions.vision) });
    }
    const sizes = { layout, bucket };
    return body({
      vision: () => visionFeeds(chosen, model),
      encoder: () => seen.map((pair) => staticEncoderFeeds(pair, model, sizes)),
      decoder: () =>
        staticDecoderFeeds(seen, model, sizes, { encoder: sessions.encoder!, decoder: sessions.decoder! }),
    });
  });
}
