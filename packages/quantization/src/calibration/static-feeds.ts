/**
 * Feeds of graphs of fixed sizes (target npu) from pairs of token ids: one text at a time, padded to the size of the
 * graphs, and one target token at a time, the caches filled by the float32 decoder as a host would.
 *
 * ```
 * encoder  source_ids [1, source], source_bias [1, 1, 1, source]: 0 at tokens, `maskedBias` at padding; of a model that
 *          sees image_tokens [1, tokens, width] before source_ids [1, source - tokens]
 * decoder  target_ids [1, 1], position [1], window_bias [1, 1, 1, window], source_bias, cross.*, past.*
 *          past.l.key [1, kvHeads, headDim, window - 1], past.l.value [1, kvHeads, window - 1, headDim]
 *       -> logits, present.l.key [1, kvHeads, headDim, 1], present.l.value [1, kvHeads, 1, headDim]
 * ```
 */
import { GRAPH_IO, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor, type Session } from "@slm/runtime";
import { fetchedFloats, type Feeds } from "./feeds.js";
import { requireImages } from "./image-feeds.js";
import type { TokenPair } from "./pair-feeds.js";

export type StaticLayout = NonNullable<DeviceModel["static"]>;
type StaticBucket = StaticLayout["buckets"][number];

/** Inputs that only static graphs have. */
const STATIC_IO = { windowBias: "window_bias", position: "position" } as const;

/** Texts that calibrate one size: each takes a run per target token. */
const ROWS = 48;

const layersOf = ({ decoderLayers }: DeviceModel): readonly number[] =>
  Array.from({ length: decoderLayers }, (_, layer) => layer);

/** The graphs of one size. */
export interface StaticSet {
  readonly layout: StaticLayout;
  readonly bucket: StaticBucket;
}

/** A pair with its image as tokens `[1, tokens, width]`; none for a model that reads text only. */
export interface SeenPair extends TokenPair {
  readonly image: HostTensor | undefined;
}

/** Pairs that the graphs of a size can hold. @throws SlmError DATA_INVALID if there is none, or images are not as the model needs them */
export function pairsFor(
  pairs: readonly TokenPair[],
  model: DeviceModel,
  { layout: { window }, bucket: { source } }: StaticSet,
): readonly TokenPair[] {
  requireImages(pairs, model);
  const room = source - (model.vision?.tokens ?? 0);
  const fitting = pairs.filter((pair) => pair.source.length <= room && pair.target.length < window);
  const step = Math.max(1, fitting.length / ROWS);
  const chosen = Array.from(
    { length: Math.min(ROWS, fitting.length) },
    (_, at) => fitting[Math.floor(at * step)]!,
  );
  if (chosen.length > 0) return chosen;
  throw new SlmError(
    "DATA_INVALID",
    `quantize: calibration: none of ${pairs.length} rows fits ${source} source and ${window} target tokens`,
  );
}

/** What the encoder of a size is fed for one text. */
export function staticEncoderFeeds(
  { source: ids, image }: SeenPair,
  { tokens: { pad } }: DeviceModel,
  { layout: { maskedBias }, bucket: { source } }: StaticSet,
): Feeds {
  const before = image?.shape[1] ?? 0;
  const padded = new Int32Array(source - before).fill(pad);
  padded.set(ids);
  const length = before + ids.length;
  const bias = Float32Array.from({ length: source }, (_, at) => (at < length ? 0 : maskedBias));
  return {
    [GRAPH_IO.sourceIds]: createHostTensor("int32", [1, padded.length], padded),
    [GRAPH_IO.sourceBias]: createHostTensor("float32", [1, 1, 1, source], bias),
    ...(image === undefined ? {} : { [GRAPH_IO.imageTokens]: image }),
  };
}

/** The caches of one text, written slot by slot. */
class Caches {
  readonly feeds: Readonly<Record<string, HostTensor>>;
  readonly #model: DeviceModel;
  readonly #slots: number;

  constructor(model: DeviceModel, slots: number) {
    const { kvHeads, headDim } = model;
    this.#model = model;
    this.#slots = slots;
    this.feeds = Object.fromEntries(
      layersOf(model).flatMap((layer) => [
        [GRAPH_IO.pastKey(layer), createHostTensor("float32", [1, kvHeads, headDim, slots])],
        [GRAPH_IO.pastValue(layer), createHostTensor("float32", [1, kvHeads, slots, headDim])],
      ]),
    );
  }

  /** Writes a token's keys and values into the slot of its position. */
  write(position: number, fetched: Readonly<Record<string, HostTensor>>): void {
    const { kvHeads, headDim } = this.#model;
    for (const layer of layersOf(this.#model)) {
      const keys = fetchedFloats(this.feeds, GRAPH_IO.pastKey(layer));
      fetchedFloats(fetched, GRAPH_IO.presentKey(layer)).forEach((value, at) => {
        keys[at * this.#slots + position] = value;
      });
      const values = fetchedFloats(this.feeds, GRAPH_IO.pastValue(layer));
      const made = fetchedFloats(fetched, GRAPH_IO.presentValue(layer));
      for (let head = 0; head < kvHeads; head += 1) {
        const start = (head * this.#slots + position) * headDim;
        values.set(made.subarray(head * headDim, (head + 1) * headDim), start);
      }
    }
  }
}

const presentNames = (model: DeviceModel): readonly string[] =>
  layersOf(model).flatMap((layer) => [GRAPH_IO.presentKey(layer), GRAPH_IO.presentValue(layer)]);

const crossNames = (model: DeviceModel): readonly string[] =>
  layersOf(model).flatMap((layer) => [GRAPH_IO.crossKey(layer), GRAPH_IO.crossValue(layer)]);

/** Feeds of the decoder of a size, token by token, made with the float32 graphs of the same size. */
export async function* staticDecoderFeeds(
  pairs: readonly SeenPair[],
  model: DeviceModel,
  sizes: StaticSet,
  { encoder, decoder }: { readonly encoder: Session; readonly decoder: Session },
): AsyncGenerator<Feeds> {
  const { window, maskedBias } = sizes.layout;
  const { bos } = model.tokens;
  for (const pair of pairs) {
    const source = staticEncoderFeeds(pair, model, sizes);
    const { fetched: cross } = await encoder.run({ feeds: source, fetch: crossNames(model) });
    const caches = new Caches(model, window - 1);
    const inputs = [bos, ...pair.target].slice(0, window - 1);
    for (const [position, token] of inputs.entries()) {
      const bias = Float32Array.from({ length: window }, (_, slot) =>
        slot < position || slot === window - 1 ? 0 : maskedBias,
      );
      const feeds: Feeds = {
        [GRAPH_IO.targetIds]: createHostTensor("int32", [1, 1], Int32Array.of(token)),
        [STATIC_IO.position]: createHostTensor("int32", [1], Int32Array.of(position)),
        [STATIC_IO.windowBias]: createHostTensor("float32", [1, 1, 1, window], bias),
        [GRAPH_IO.sourceBias]: source[GRAPH_IO.sourceBias]!,
        ...cross,
        ...caches.feeds,
      };
      yield feeds;
      const { fetched } = await decoder.run({ feeds, fetch: presentNames(model) });
      caches.write(position, fetched);
    }
  }
}
