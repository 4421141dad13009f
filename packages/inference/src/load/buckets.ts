/** Static graphs: one set per source length, loaded when the length is first needed. */
import { decoderGraph, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import type { Session } from "@slm/runtime";

export interface GraphSet {
  /** Absent for a decoder-only model. */
  readonly encoder: Session | undefined;
  /** The decoder for several tokens per run, if the model was exported with one. */
  readonly chunk: Session | undefined;
  readonly decoder: Session;
}

/** A set of graphs, and the length that sources are padded to [tokens]. */
interface Bucket extends GraphSet {
  readonly source: number;
}

export interface StaticBuckets {
  /** Maximum target length, including BOS [tokens]. */
  readonly window: number;
  /** Added to attention scores of masked positions. */
  readonly maskedBias: number;
  /** Number of tokens in a run of the chunk graphs; absent if there are none. */
  readonly chunk: number | undefined;
  /**
   * The set with the shortest source length that fits `tokens` tokens.
   *
   * @throws SlmError DATA_INVALID if no set fits; the errors of loading
   */
  fitting(tokens: number): Promise<Bucket>;
  /** Releases the sets that were loaded here. The longest one belongs to the caller. */
  release(): Promise<void>;
}

/** @returns undefined for graphs with dynamic shapes */
export function openBuckets(
  model: DeviceModel,
  longest: GraphSet,
  load: (file: string) => Promise<Session>,
): StaticBuckets | undefined {
  if (model.static === undefined) return undefined;
  const { window, maskedBias, chunk: tokens, buckets } = model.static;
  const loaded = new Map<number, Promise<GraphSet>>();
  const setOf = ({ source, encoder, chunk, decoder }: (typeof buckets)[number]): Promise<GraphSet> => {
    if (decoder.file === decoderGraph(model).file) return Promise.resolve(longest);
    const set =
      loaded.get(source) ??
      (async (): Promise<GraphSet> => ({
        encoder: encoder && (await load(encoder.file)),
        chunk: chunk && (await load(chunk.file)),
        decoder: await load(decoder.file),
      }))();
    loaded.set(source, set);
    return set;
  };
  return {
    window,
    maskedBias,
    chunk: tokens,
    fitting: async (tokens) => {
      const bucket = buckets.find(({ source }) => tokens <= source);
      if (bucket === undefined) {
        throw new SlmError(
          "DATA_INVALID",
          `generate: a source of ${tokens} tokens is too long; the largest graphs accept ${buckets.at(-1)!.source}`,
        );
      }
      return { source: bucket.source, ...(await setOf(bucket)) };
    },
    release: async () => {
      for (const { encoder, chunk, decoder } of await Promise.all(loaded.values()))
        for (const session of [encoder, chunk, decoder]) await session?.release();
      loaded.clear();
    },
  };
}
