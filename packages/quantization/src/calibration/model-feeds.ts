/** Calibration data of an exported model's graphs: each graph's inputs come from rows and from the float32 graphs that run before it. */
import { readDeviceModel, type DeviceModel, type GraphName } from "@slm/exported-model";
import type { Runtime, Session } from "@slm/runtime";
import { inParts, type Feeds, type FeedSource } from "./feeds.js";
import { loadGraph } from "./graph-sessions.js";
import { imageFeeds, imagesOf, visionRuns } from "./image-feeds.js";
import { encodedFeeds, encoderFeeds, planRuns, seeRun, type SeenRun } from "./pair-feeds.js";
import type { RunRows, TokenPair } from "./token-pairs.js";
import {
  pairsFor,
  staticDecoderFeeds,
  staticEncoderFeeds,
  staticSet,
  type SeenPair,
  type StaticSet,
} from "./static-feeds.js";

/** Rows of real data, and the runtime for them. */
export interface ModelCalibration {
  readonly runtime: Runtime;
  readonly pairs: readonly TokenPair[];
}

/** Creates the runs of one graph from the rows of a run: several if the graph runs once per token. */
type RunMaker = (rows: RunRows) => Promise<AsyncIterable<Feeds> | Iterable<Feeds>>;
type RunMakers = Readonly<Record<GraphName, RunMaker>>;

/** Creates the runs of a model's graphs. Graphs that must run first are loaded when they are needed. */
class ModelFeeds {
  readonly model: DeviceModel;
  readonly #directory: string;
  readonly #runtime: Runtime;
  readonly #sessions = new Map<string, Promise<Session>>();
  readonly #seen = new WeakMap<RunRows, Promise<SeenRun>>();

  private constructor(directory: string, model: DeviceModel, runtime: Runtime) {
    this.#directory = directory;
    this.model = model;
    this.#runtime = runtime;
  }

  /** @param directory a float32 export @throws SlmError INPUT_MISSING, DATA_INVALID */
  static async open(directory: string, runtime: Runtime): Promise<ModelFeeds> {
    return new ModelFeeds(directory, await readDeviceModel(directory), runtime);
  }

  /** Creates the runs of a graph from some rows. @throws SlmError DATA_INVALID for a size that the model does not have */
  async *#feeds(graph: GraphName, runs: readonly RunRows[], bucket?: number): AsyncGenerator<Feeds> {
    const makers = bucket === undefined ? this.#dynamic() : this.#static(staticSet(this.model, bucket));
    for (const rows of runs) yield* await makers[graph](rows);
  }

  /** Returns the parts of a graph's data. */
  source(graph: GraphName, runs: readonly RunRows[], bucket?: number): FeedSource {
    return inParts(runs, (some) => () => this.#feeds(graph, some, bucket));
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).release();
  }

  #dynamic(): RunMakers {
    return {
      vision: this.#vision,
      encoder: async (rows) => [encoderFeeds(await this.#seenRun(rows))],
      // Dynamic graphs support any number of tokens.
      chunk: () => Promise.resolve([]),
      decoder: async (rows) => {
        const encoder = await this.#session(this.model.graphs.encoder);
        return [await encodedFeeds(await this.#seenRun(rows), this.model, encoder)];
      },
    };
  }

  #static(sizes: StaticSet): RunMakers {
    const { model } = this;
    const { encoder, chunk, decoder } = sizes.bucket;
    const see = async (rows: RunRows): Promise<readonly SeenPair[]> => {
      const { images } = await this.#seenRun(rows);
      return rows.map((row) => ({ ...row, image: images }));
    };
    const fed =
      (own: typeof encoder, tokens?: number): RunMaker =>
      async (rows) =>
        staticDecoderFeeds(await see(rows), model, sizes, {
          encoder: await this.#session(encoder),
          decoder: (await this.#session(own))!,
          tokens,
        });
    return {
      vision: this.#vision,
      encoder: async (rows) => (await see(rows)).map((pair) => staticEncoderFeeds(pair, model, sizes)),
      chunk: fed(chunk, sizes.layout.chunk),
      decoder: fed(decoder),
    };
  }

  readonly #vision: RunMaker = (rows) =>
    Promise.resolve(imagesOf(rows).map((image) => imageFeeds(image, this.model)));

  /** The rows of a run with image tokens, which several graphs read. */
  async #seenRun(rows: RunRows): Promise<SeenRun> {
    const seen =
      this.#seen.get(rows) ?? seeRun(rows, this.model, await this.#session(this.model.graphs.vision));
    this.#seen.set(rows, seen);
    return seen;
  }

  async #session(graph: { readonly file: string } | undefined): Promise<Session | undefined> {
    if (graph === undefined) return undefined;
    const session = this.#sessions.get(graph.file) ?? loadGraph(this.#runtime, this.#directory, graph.file);
    this.#sessions.set(graph.file, session);
    return session;
  }
}

/** Calibration data by graph. */
export type ModelSources = Readonly<Record<GraphName, FeedSource>>;

async function withFeeds<Result>(
  directory: string,
  runtime: Runtime,
  body: (feeds: ModelFeeds) => Promise<Result>,
): Promise<Result> {
  const feeds = await ModelFeeds.open(directory, runtime);
  try {
    return await body(feeds);
  } finally {
    await feeds.close();
  }
}

/**
 * Runs `body` with the calibration data of a float32 export.
 *
 * @throws SlmError DATA_INVALID if no pair fits the model
 */
export function withModelFeeds<Result>(
  directory: string,
  { runtime, pairs }: ModelCalibration,
  body: (sources: ModelSources) => Promise<Result>,
): Promise<Result> {
  return withFeeds(directory, runtime, (feeds) => {
    const runs = planRuns(pairs, feeds.model);
    return body({
      vision: feeds.source("vision", visionRuns(pairs)),
      encoder: feeds.source("encoder", runs),
      chunk: [],
      decoder: feeds.source("decoder", runs),
    });
  });
}

/** The same for static graphs of one size (target npu). @param bucket index of the size in the model */
export function withStaticFeeds<Result>(
  directory: string,
  bucket: number,
  { runtime, pairs }: ModelCalibration,
  body: (sources: ModelSources) => Promise<Result>,
): Promise<Result> {
  return withFeeds(directory, runtime, (feeds) => {
    const chosen = pairsFor(pairs, feeds.model, staticSet(feeds.model, bucket));
    const runs = chosen.map((pair) => [pair]);
    return body({
      vision: feeds.source("vision", visionRuns(chosen), bucket),
      encoder: feeds.source("encoder", runs, bucket),
      chunk: feeds.source("chunk", runs, bucket),
      decoder: feeds.source("decoder", runs, bucket),
    });
  });
}
