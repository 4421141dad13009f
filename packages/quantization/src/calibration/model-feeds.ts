/** Calibration data of an exported model directory, graph by graph. */
import { graphsOf, type DeviceModel, type GraphName } from "@slm/exported-model";
import { resolveInside } from "@slm/core";
import type { Runtime, Session } from "@slm/runtime";
import type { FeedSource } from "./feeds.js";
import { seeImages, visionFeeds } from "./image-feeds.js";
import { encoderFeeds, feedDecoder, planPairBatches, seeBatches, type TokenPair } from "./pair-feeds.js";
import {
  pairsFor,
  staticDecoderFeeds,
  staticEncoderFeeds,
  type SeenPair,
  type StaticSet,
} from "./static-feeds.js";

/** Rows of real data, and what runs them. */
export interface ModelCalibration {
  readonly runtime: Runtime;
  readonly pairs: readonly TokenPair[];
}

/** Sessions of some of a model's graphs. */
export type GraphSessions = Readonly<Partial<Record<GraphName, Session>>>;

/** Runs `body` with graphs that are loaded for as long. */
export async function withGraphs<Result>(
  runtime: Runtime,
  directory: string,
  graphs: ReturnType<typeof graphsOf>,
  body: (sessions: GraphSessions) => Promise<Result>,
): Promise<Result> {
  const sessions: Partial<Record<GraphName, Session>> = {};
  try {
    for (const { name, graph } of graphs) {
      const path = resolveInside(directory, graph.file);
      sessions[name] = await runtime.load({ kind: "file", path }, { name: graph.file });
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
  const before = graphsOf(model).filter(({ name }) => name !== "decoder");
  return withGraphs(runtime, directory, before, async (sessions) => {
    const seen = await seeBatches(batches, model, sessions.vision);
    return body({
      vision: () => visionFeeds(pairs, model),
      encoder: () => seen.map(encoderFeeds),
      // Graphs of dynamic sizes take any number of tokens.
      chunk: () => [],
      decoder: () => feedDecoder(seen, model, sessions.encoder),
    });
  });
}

/** The same for the graphs of one fixed size (target npu). */
export async function withStaticFeeds<Result>(
  directory: string,
  model: DeviceModel,
  sizes: StaticSet,
  { runtime, pairs }: ModelCalibration,
  body: (feeds: Readonly<Record<GraphName, FeedSource>>) => Promise<Result>,
): Promise<Result> {
  const chosen = pairsFor(pairs, model, sizes);
  const { encoder, chunk, decoder } = sizes.bucket;
  const graphs = { ...model.graphs, encoder, chunk, decoder };
  return withGraphs(runtime, directory, graphsOf({ graphs }), async (sessions) => {
    const seen: SeenPair[] = [];
    for (const pair of chosen) {
      const patches = pair.patches === undefined ? [] : [pair.patches];
      seen.push({ ...pair, image: await seeImages(patches, model, sessions.vision) });
    }
    const ownEncoder = sessions.encoder;
    const fed = (own: Session, tokens?: number): ReturnType<FeedSource> =>
      staticDecoderFeeds(seen, model, sizes, { encoder: ownEncoder, decoder: own, tokens });
    return body({
      vision: () => visionFeeds(chosen, model),
      encoder: () => seen.map((pair) => staticEncoderFeeds(pair, model, sizes)),
      chunk: () => fed(sessions.chunk!, sizes.layout.chunk),
      decoder: () => fed(sessions.decoder!),
    });
  });
}
