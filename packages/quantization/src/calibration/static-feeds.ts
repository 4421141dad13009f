/**
 * Inputs of static graphs (target npu) from pairs of token ids: one text at a time, padded to the size of the graphs. The target runs step
 * by step, and the float32 decoder fills the caches as in generation.
 *
 * ```
 * encoder  source_ids [1, source], source_bias [1, 1, 1, source]: 0 at tokens, `maskedBias` at padding; of a model that
 *          sees image_tokens [1, tokens, width] before source_ids [1, source - tokens]
 * decoder  target_ids [1, n], position [n], window_bias [1, 1, n, window - 1 + n], source_bias, cross.*, past.*
 *          past.l.key [1, kvHeads, headDim, window - 1], past.l.value [1, kvHeads, window - 1, headDim]
 *       -> logits, present.l.key [1, kvHeads, headDim, n], present.l.value [1, kvHeads, n, headDim]
 * ```
 *
 * n is 1, or the length of the chunk graph. A decoder-only model reads its source as a prefix of the target.
 */
import {
  GRAPH_IO,
  openTextCache,
  staticSourceInputs,
  staticTokenInputs,
  type DeviceModel,
} from "@slm/exported-model";
import { SlmError } from "@slm/core";
import type { HostTensor, Session } from "@slm/runtime";
import type { Feeds } from "./feeds.js";
import { requireImages } from "./image-feeds.js";
import type { TokenPair } from "./token-pairs.js";

export type StaticLayout = NonNullable<DeviceModel["static"]>;
type StaticBucket = StaticLayout["buckets"][number];

/** Number of texts per size. Each needs a run per target token. */
const ROWS = 48;

const layersOf = ({ decoderLayers }: DeviceModel): readonly number[] =>
  Array.from({ length: decoderLayers }, (_, layer) => layer);

/** The graphs of one size. */
export interface StaticSet {
  readonly layout: StaticLayout;
  readonly bucket: StaticBucket;
}

/** @param bucket index of the size in the model @throws SlmError DATA_INVALID for a model without it */
export function staticSet({ static: layout }: DeviceModel, bucket: number): StaticSet {
  const found = layout?.buckets[bucket];
  if (layout === undefined || found === undefined)
    throw new SlmError("DATA_INVALID", `quantize: the model has no graphs of size ${bucket + 1}`);
  return { layout, bucket: found };
}

/** A pair with its image as tokens `[1, tokens, width]`; none for a text model. */
export interface SeenPair extends TokenPair {
  readonly image: HostTensor | undefined;
}

/** Pairs that fit into the graphs of a size. @throws SlmError DATA_INVALID if there are none, or if images are missing or not supported */
export function pairsFor(
  pairs: readonly TokenPair[],
  model: DeviceModel,
  { layout: { window }, bucket: { source } }: StaticSet,
): readonly TokenPair[] {
  requireImages(pairs, model);
  const room = source - (model.vision?.tokens ?? 0);
  // A decoder-only model reads the source into its window.
  const before = (pair: TokenPair): number =>
    model.architecture === "decoder-only" ? pair.source.length : 0;
  const fitting = pairs.filter(
    (pair) => pair.source.length <= room && before(pair) + pair.target.length < window,
  );
  const step = Math.max(1, fitting.length / ROWS);
  const chosen = Array.from(
    { length: Math.min(ROWS, fitting.length) },
    (_, at) => fitting[Math.floor(at * step)]!,
  );
  if (chosen.length > 0) return chosen;
  throw new SlmError(
    "DATA_INVALID",
    `quantize: calibration: none of ${pairs.length} rows fits into ${source} source and ${window} target tokens`,
  );
}

/** Inputs of a size's encoder for one text. */
export function staticEncoderFeeds(
  { source: ids, image }: SeenPair,
  model: DeviceModel,
  { layout: { maskedBias }, bucket: { source } }: StaticSet,
): Feeds {
  const inputs = staticSourceInputs(ids, model, { source, maskedBias }, image?.shape[1]);
  return image === undefined ? inputs : { ...inputs, [GRAPH_IO.imageTokens]: image };
}

const presentNames = (model: DeviceModel): readonly string[] =>
  layersOf(model).flatMap((layer) =>
    model.stateWidth === undefined
      ? [GRAPH_IO.presentKey(layer), GRAPH_IO.presentValue(layer)]
      : [GRAPH_IO.presentState(layer)],
  );

const crossNames = (model: DeviceModel): readonly string[] =>
  layersOf(model).flatMap((layer) => [GRAPH_IO.crossKey(layer), GRAPH_IO.crossValue(layer)]);

/** The sessions for a decoder's inputs. A decoder-only model has no encoder. */
export interface StaticSessions {
  readonly encoder: Session | undefined;
  readonly decoder: Session;
}

/**
 * Inputs of a size's decoder with `tokens` new tokens per run, computed with the float32 graphs of the same size. Incomplete runs end in
 * padding, which is not attended.
 */
export async function* staticDecoderFeeds(
  pairs: readonly SeenPair[],
  model: DeviceModel,
  sizes: StaticSet,
  { encoder, decoder, tokens = 1 }: StaticSessions & { readonly tokens?: number | undefined },
): AsyncGenerator<Feeds> {
  const { window } = sizes.layout;
  const { bos } = model.tokens;
  for (const pair of pairs) {
    const given = encoder === undefined ? {} : await sourceFeeds(pair, model, sizes, encoder);
    const cache = openTextCache(model, window);
    const prefix = encoder === undefined ? pair.source : [];
    const inputs = [...prefix, bos, ...pair.target].slice(0, window - 1);
    for (let position = 0; position < inputs.length; position += tokens) {
      const ids = inputs.slice(position, position + tokens);
      const run = staticTokenInputs(ids, model, sizes.layout, { position, size: tokens });
      const feeds = { ...run, ...given, ...cache.feedsAt(position) };
      yield feeds;
      const { fetched } = await decoder.run({ feeds, fetch: presentNames(model) });
      cache.write({ slot: position, count: ids.length }, fetched);
    }
  }
}

/** The decoder's source inputs: keys and values from the encoder, and the padding bias. */
async function sourceFeeds(
  pair: SeenPair,
  model: DeviceModel,
  sizes: StaticSet,
  encoder: Session,
): Promise<Feeds> {
  const source = staticEncoderFeeds(pair, model, sizes);
  const { fetched } = await encoder.run({ feeds: source, fetch: crossNames(model) });
  return { [GRAPH_IO.sourceBias]: source[GRAPH_IO.sourceBias]!, ...fetched };
}
