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
import { GRAPH_IO, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor, type Session } from "@slm/runtime";
import { fetchedFloats, type Feeds } from "./feeds.js";
import { requireImages } from "./image-feeds.js";
import type { TokenPair } from "./token-pairs.js";

export type StaticLayout = NonNullable<DeviceModel["static"]>;
type StaticBucket = StaticLayout["buckets"][number];

/** Inputs that only static graphs have. */
const STATIC_IO = { windowBias: "window_bias", position: "position" } as const;

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

/** The decoder state of one text. */
interface TextCaches {
  feedsAt(position: number): Readonly<Record<string, HostTensor>>;
  /** Stores the results for the first `count` of a run's `made` tokens, from `position` on. */
  write(run: TokenRun, fetched: Readonly<Record<string, HostTensor>>): void;
}

const openCaches = (model: DeviceModel, window: number): TextCaches =>
  model.stateWidth === undefined
    ? new WindowCaches(model, window - 1)
    : new StateCaches(model, model.stateWidth, window);

/** States of a recurrent decoder. A run reads the previous position's state. */
class StateCaches implements TextCaches {
  readonly #width: number;
  readonly #states: readonly Float32Array[];

  constructor(model: DeviceModel, width: number, window: number) {
    this.#width = width;
    this.#states = layersOf(model).map(() => new Float32Array(window * width));
  }

  feedsAt(position: number): Readonly<Record<string, HostTensor>> {
    const width = this.#width;
    return Object.fromEntries(
      this.#states.map((states, layer) => {
        const before =
          position === 0 ? new Float32Array(width) : states.slice((position - 1) * width, position * width);
        return [GRAPH_IO.pastState(layer), createHostTensor("float32", [1, width], before)];
      }),
    );
  }

  write({ position, count }: TokenRun, fetched: Readonly<Record<string, HostTensor>>): void {
    for (const [layer, states] of this.#states.entries()) {
      const made = fetchedFloats(fetched, GRAPH_IO.presentState(layer));
      states.set(made.subarray(0, count * this.#width), position * this.#width);
    }
  }
}

/** Keys and values of one text, written slot by slot. */
class WindowCaches implements TextCaches {
  readonly #feeds: Readonly<Record<string, HostTensor>>;
  readonly #model: DeviceModel;
  readonly #slots: number;

  constructor(model: DeviceModel, slots: number) {
    const { kvHeads, headDim } = model;
    this.#model = model;
    this.#slots = slots;
    this.#feeds = Object.fromEntries(
      layersOf(model).flatMap((layer) => [
        [GRAPH_IO.pastKey(layer), createHostTensor("float32", [1, kvHeads, headDim, slots])],
        [GRAPH_IO.pastValue(layer), createHostTensor("float32", [1, kvHeads, slots, headDim])],
      ]),
    );
  }

  feedsAt(): Readonly<Record<string, HostTensor>> {
    return this.#feeds;
  }

  write({ position, count, made }: TokenRun, fetched: Readonly<Record<string, HostTensor>>): void {
    const { kvHeads, headDim } = this.#model;
    const last = Math.min(count, this.#slots - position);
    for (const layer of layersOf(this.#model)) {
      const keys = fetchedFloats(this.#feeds, GRAPH_IO.pastKey(layer));
      const newKeys = fetchedFloats(fetched, GRAPH_IO.presentKey(layer));
      const values = fetchedFloats(this.#feeds, GRAPH_IO.pastValue(layer));
      const newValues = fetchedFloats(fetched, GRAPH_IO.presentValue(layer));
      for (let row = 0; row < kvHeads * headDim; row += 1) {
        for (let at = 0; at < last; at += 1)
          keys[row * this.#slots + position + at] = newKeys[row * made + at]!;
      }
      for (let head = 0; head < kvHeads; head += 1) {
        const part = newValues.subarray(head * made * headDim, (head * made + last) * headDim);
        values.set(part, (head * this.#slots + position) * headDim);
      }
    }
  }
}

const presentNames = (model: DeviceModel): readonly string[] =>
  layersOf(model).flatMap((layer) =>
    model.stateWidth === undefined
      ? [GRAPH_IO.presentKey(layer), GRAPH_IO.presentValue(layer)]
      : [GRAPH_IO.presentState(layer)],
  );

const crossNames = (model: DeviceModel): readonly string[] =>
  layersOf(model).flatMap((layer) => [GRAPH_IO.crossKey(layer), GRAPH_IO.crossValue(layer)]);

/** Inputs of a run over `count` tokens of a text from `position` on, in a graph for `made` tokens. */
interface TokenRun {
  readonly position: number;
  readonly count: number;
  readonly made: number;
}

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
    const caches = openCaches(model, window);
    const prefix = encoder === undefined ? pair.source : [];
    const inputs = [...prefix, bos, ...pair.target].slice(0, window - 1);
    for (let position = 0; position < inputs.length; position += tokens) {
      const run = { position, count: Math.min(tokens, inputs.length - position), made: tokens };
      const feeds = { ...runFeeds(inputs, model, sizes, run), ...given, ...caches.feedsAt(position) };
      yield feeds;
      const { fetched } = await decoder.run({ feeds, fetch: presentNames(model) });
      caches.write(run, fetched);
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

function runFeeds(
  inputs: readonly number[],
  { tokens: { pad }, stateWidth }: DeviceModel,
  { layout: { window, maskedBias } }: StaticSet,
  { position, count, made }: TokenRun,
): Feeds {
  const slots = window - 1;
  const ids = Int32Array.from({ length: made }, (_, at) => (at < count ? inputs[position + at]! : pad));
  const places = Int32Array.from({ length: made }, (_, at) => Math.min(position + at, slots));
  const own = {
    [GRAPH_IO.targetIds]: createHostTensor("int32", [1, made], ids),
    [STATIC_IO.position]: createHostTensor("int32", [made], places),
  };
  // A recurrence has no slots.
  if (stateWidth !== undefined) return own;
  // Each token attends itself and earlier tokens.
  const bias = Float32Array.from({ length: made * (slots + made) }, (_, index) => {
    const [row, column] = [Math.floor(index / (slots + made)), index % (slots + made)];
    const isSeen = column < slots ? column < position : column - slots <= row;
    return isSeen ? 0 : maskedBias;
  });
  return {
    ...own,
    [STATIC_IO.windowBias]: createHostTensor("float32", [1, 1, made, slots + made], bias),
  };
}
