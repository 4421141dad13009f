/** Decodes sources with static graphs, one after the other, as NPUs require. */
import { GRAPH_IO, staticSourceInputs } from "@slm/exported-model";
import { answersOf } from "@slm/generation";
import type { EncodedSource } from "../options/batches.js";
import type { BatchOptions } from "../options/batch-options.js";
import type { ModelGraphs } from "../load/model-graphs.js";
import { rowsPerSource } from "../options/model-limits.js";
import { decodeAlone } from "../steps/decode-alone.js";
import type { DecodedIds } from "../steps/timed.js";
import type { StaticBuckets } from "../load/buckets.js";
import { StaticDecoder, type StaticDecoderParts } from "./static-decoder.js";

/** A model with static graphs. */
export type StaticModel = ModelGraphs & { readonly buckets: StaticBuckets };

/**
 * One result per source. Times are measured from the start of each source.
 *
 * @throws SlmError as decodeBatch
 */
export async function decodeStatic(
  loaded: StaticModel,
  batch: readonly EncodedSource[],
  options: BatchOptions,
): Promise<readonly DecodedIds[]> {
  const results: DecodedIds[] = [];
  for (const [row, source] of batch.entries())
    results.push(await decodeSource(loaded, source, { row, options }));
  return results;
}

interface Row {
  readonly row: number;
  readonly options: BatchOptions;
}

async function decodeSource(
  loaded: StaticModel,
  source: EncodedSource,
  { row, options }: Row,
): Promise<DecodedIds> {
  const { strategy } = options;
  const started = performance.now();
  return withStaticSource(loaded, source, async (parts, imageMs) => {
    const { prefix } = parts;
    const steps = new StaticDecoder(parts, rowsPerSource(strategy));
    const decoded = await decodeAlone(steps, { model: loaded.model, source, row, prefix, options, started });
    return { ...decoded, imageMs };
  });
}

/**
 * Runs `body` with the inputs of a static decoder for one source: the set of graphs that fits it, and its encoder's outputs or, for a decoder-only
 * model, the source as a prefix. `imageMs` is the time spent on its image.
 */
async function withStaticSource<Result>(
  { runtime, model, buckets, images, lexical }: StaticModel,
  { ids, image }: EncodedSource,
  body: (parts: StaticDecoderParts, imageMs: number | undefined) => Promise<Result>,
): Promise<Result> {
  const tokens = (model.vision?.tokens ?? 0) + ids.length;
  const bucket = await buckets.fitting(tokens);
  const { window, maskedBias, chunk: size } = buckets;
  const { decoder } = bucket;
  const chunk =
    bucket.chunk === undefined || size === undefined ? undefined : { session: bucket.chunk, tokens: size };
  const mayAnswer = lexical && answersOf(lexical, ids);
  const shared = { decoder, chunk, model, window, maskedBias, mayAnswer };
  if (bucket.encoder === undefined) return body({ ...shared, source: {}, prefix: ids }, undefined);
  const started = performance.now();
  const seen = image === undefined ? undefined : await images?.tokensOf(image);
  const imageMs = seen === undefined ? undefined : performance.now() - started;
  const sizes = { source: bucket.source, maskedBias };
  const inputs = staticSourceInputs(ids, model, sizes, seen?.shape[1]);
  const feeds = seen === undefined ? inputs : { ...inputs, [GRAPH_IO.imageTokens]: seen };
  const encoded = (await bucket.encoder.run({ feeds, keep: bucket.encoder.outputNames })).kept;
  try {
    const source = { [GRAPH_IO.sourceBias]: inputs[GRAPH_IO.sourceBias]!, ...encoded };
    return await body({ ...shared, source, prefix: [] }, imageMs);
  } finally {
    await runtime.release(Object.values(encoded));
  }
}
