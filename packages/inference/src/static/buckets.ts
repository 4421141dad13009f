/** Static graphs: one encoder-decoder pair per source length, loaded when the length is first needed. */
import type { DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import type { Session } from "@slm/runtime";

export interface GraphPair {
  readonly encoder: Session;
  readonly decoder: Session;
}

/** A pair of graphs, and the length to which sources are padded [tokens]. */
export interface Bucket extends GraphPair {
  readonly source: number;
}

export interface StaticBuckets {
  /** Longest target, BOS included [tokens]. */
  readonly window: number;
  /** Added to attention scores of masked positions. */
  readonly maskedBias: number;
  /**
   * The pair with the shortest source length that fits `tokens` tokens.
   *
   * @throws SlmError DATA_INVALID if none does, and what loading throws
   */
  fitting(tokens: number): Promise<Bucket>;
  /** Releases the pairs that were loaded here; the longest one belongs to the caller. */
  release(): Promise<void>;
}

/** @returns undefined for graphs with dynamic shapes */
export function openBuckets(
  model: DeviceModel,
  longest: GraphPair,
  load: (file: string) => Promise<Session>,
): StaticBuckets | undefined {
  if (model.static === undefined) return undefined;
  const { window, maskedBias, buckets } = model.static;
  const loaded = new Map<number, Promise<GraphPair>>();
  const pairOf = ({ source, encoder, decoder }: (typeof buckets)[number]): Promise<GraphPair> => {
    if (decoder.file === model.graphs.decoder.file) return Promise.resolve(longest);
    const pair =
      loaded.get(source) ??
      (async (): Promise<GraphPair> => ({
        encoder: await load(encoder.file),
        decoder: await load(decoder.file),
      }))();
    loaded.set(source, pair);
    return pair;
  };
  return {
    window,
    maskedBias,
    fitting: async (tokens) => {
      const bucket = buckets.find(({ source }) => tokens <= source);
      if (bucket === undefined) {
        throw new SlmError(
          "DATA_INVALID",
          `generate: a source of ${tokens} tokens fits none of the graphs; the longest takes ${buckets.at(-1)!.source}`,
        );
      }
      return { source: bucket.source, ...(await pairOf(bucket)) };
    },
    release: async () => {
      for (const pair of await Promise.all(loaded.values())) {
        await pair.encoder.release();
        await pair.decoder.release();
      }
      loaded.clear();
    },
  };
}
