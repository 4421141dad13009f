/** Runs static graphs like the host of an NPU: it pads, masks, and writes each token's keys and values into its slot. */
import { GRAPH_IO } from "@slm/exported-model";
import { createHostTensor, type DeviceTensor, type HostTensor, type Session } from "@slm/runtime";
import { stateWidthOf } from "@slm/model";
import { STATIC_IO } from "../graphs/static-graphs.js";
import { STATIC_MASKED } from "../lowerings/context.js";
import { imageTokensOf, type CaseInputs } from "./parity-cases.js";
import { floats } from "./reference-logits.js";
import { columns, seeImages, type GraphHost, type HostSetting } from "./run-host.js";

export const runStatic: GraphHost = async (
  setting,
  { vision, encoder, chunk, decoder },
  { sizes, inputs },
) => {
  const { source: bucket, window, chunk: several = 1 } = sizes.graph!;
  const { config } = setting;
  const { pad } = config.tokens;
  const bias = biasOf([1, 1, 1, bucket], (_, slot) => slot < sizes.source);
  const image = await seeImages(vision, inputs);
  const text = bucket - imageTokensOf(config);
  const encoded = encoder === undefined ? {} : await runEncoder(encoder, inputs, { text, bias, image, pad });
  const stateWidth = stateWidthOf(config);
  const caches = Array.from({ length: config.decoderLayers }, (_, layer) =>
    stateWidth === undefined
      ? new LayerCache(layer, window, setting)
      : new LayerStates(layer, { window, width: stateWidth, precision: setting.precision }),
  );
  const run = async (position: number, count: number): Promise<Float32Array> => {
    const [session, size] = count === 1 ? [decoder, 1] : [chunk!, several];
    const slots = window - 1;
    const { data } = columns(inputs.targetIds, position, count);
    const ids = new Int32Array(size).fill(pad);
    ids.set(data as Int32Array);
    const places = Int32Array.from({ length: size }, (_, at) => Math.min(position + at, slots));
    const { fetched } = await session.run({
      feeds: {
        [GRAPH_IO.targetIds]: createHostTensor("int32", [1, size], ids),
        [STATIC_IO.position]: createHostTensor("int32", [size], places),
        ...(stateWidth === undefined ? { [STATIC_IO.windowBias]: windowBias() } : {}),
        ...(encoder === undefined ? {} : { [GRAPH_IO.sourceBias]: bias }),
        ...encoded,
        ...Object.fromEntries(caches.flatMap((cache) => Object.entries(cache.feedsAt(position)))),
      },
      fetch: session.outputNames,
    });
    for (const cache of caches) cache.write(position, count, fetched);
    const logits = floats(fetched[GRAPH_IO.logits]);
    const vocabulary = logits.length / size;
    return logits.slice((count - 1) * vocabulary, count * vocabulary);

    /** The last columns are the new tokens. */
    function windowBias(): HostTensor {
      return biasOf([1, 1, size, slots + size], (row, column) =>
        column < slots ? column < position : column - slots <= row,
      );
    }
  };
  try {
    const results: Float32Array[] = [];
    for (let position = 0; position < sizes.target;) {
      const left = Math.max(1, sizes.prefill - position);
      const count = Math.min(left, several);
      const logits = await run(position, count);
      position += count;
      if (position >= sizes.prefill) results.push(logits);
    }
    return results;
  } finally {
    await setting.runtime.release([...Object.values(image), ...Object.values(encoded)]);
  }
};

interface EncoderRun {
  /** Positions for the text's tokens. */
  readonly text: number;
  readonly bias: HostTensor;
  readonly image: Readonly<Record<string, DeviceTensor>>;
  readonly pad: number;
}

async function runEncoder(
  encoder: Session,
  { sourceIds }: CaseInputs,
  { text, bias, image, pad }: EncoderRun,
): Promise<Awaited<ReturnType<Session["run"]>>["kept"]> {
  const ids = new Int32Array(text).fill(pad);
  ids.set(sourceIds.data as Int32Array);
  const feeds = {
    [GRAPH_IO.sourceIds]: createHostTensor("int32", [1, text], ids),
    [GRAPH_IO.sourceBias]: bias,
    ...image,
  };
  return (await encoder.run({ feeds, keep: encoder.outputNames })).kept;
}

/** float32 bias: 0 where `isSeen` returns true for the last two axes, STATIC_MASKED elsewhere. */
function biasOf(shape: readonly number[], isSeen: (row: number, column: number) => boolean): HostTensor {
  const size = shape.at(-1)!;
  const count = shape.reduce((product, axis) => product * axis, 1);
  const values = Float32Array.from({ length: count }, (_, at) =>
    isSeen(Math.floor(at / size), at % size) ? 0 : STATIC_MASKED,
  );
  return createHostTensor("float32", shape, values);
}

/** States `[window, width]` of one layer of a recurrent decoder, which reads the previous position's state. */
class LayerStates {
  readonly #layer: number;
  readonly #width: number;
  readonly #precision: HostSetting["precision"];
  readonly #states: HostTensor;

  constructor(
    layer: number,
    {
      window,
      width,
      precision,
    }: Pick<HostSetting, "precision"> & Readonly<Record<"window" | "width", number>>,
  ) {
    this.#layer = layer;
    this.#width = width;
    this.#precision = precision;
    this.#states = createHostTensor(precision, [window, width]);
  }

  feedsAt(position: number): Readonly<Record<string, HostTensor>> {
    const [from, to] = [(position - 1) * this.#width, position * this.#width];
    const state = position === 0 ? undefined : this.#states.data.slice(from, to);
    return {
      [GRAPH_IO.pastState(this.#layer)]: createHostTensor(this.#precision, [1, this.#width], state),
    };
  }

  write(slot: number, count: number, fetched: Readonly<Record<string, HostTensor>>): void {
    const made = fetched[GRAPH_IO.presentState(this.#layer)]!.data as Float32Array | Uint16Array;
    this.#states.data.set(made.subarray(0, count * this.#width) as never, slot * this.#width);
  }
}

/** Keys `[1, kvHeads, headDim, window - 1]` and values `[1, kvHeads, window - 1, headDim]` of one layer. */
class LayerCache {
  readonly #layer: number;
  readonly #slots: number;
  readonly #headDim: number;
  readonly #key: HostTensor;
  readonly #value: HostTensor;

  constructor(layer: number, window: number, { config, precision }: HostSetting) {
    const { kvHeads, headDim } = config;
    this.#layer = layer;
    this.#slots = window - 1;
    this.#headDim = headDim;
    this.#key = createHostTensor(precision, [1, kvHeads, headDim, this.#slots]);
    this.#value = createHostTensor(precision, [1, kvHeads, this.#slots, headDim]);
  }

  feedsAt(): Readonly<Record<string, HostTensor>> {
    return { [GRAPH_IO.pastKey(this.#layer)]: this.#key, [GRAPH_IO.pastValue(this.#layer)]: this.#value };
  }

  /** Writes the keys and values of the first `count` tokens of a run into their slots; the last token of a window needs no slot. */
  write(slot: number, count: number, fetched: Readonly<Record<string, HostTensor>>): void {
    const kept = Math.min(count, this.#slots - slot);
    const { data, shape } = fetched[GRAPH_IO.presentKey(this.#layer)]!;
    const key = data as Float32Array | Uint16Array;
    const run = shape.at(-1)!;
    const value = fetched[GRAPH_IO.presentValue(this.#layer)]!.data as Float32Array | Uint16Array;
    for (let row = 0; row * run < key.length; row++)
      for (let at = 0; at < kept; at++) this.#key.data[row * this.#slots + slot + at] = key[row * run + at]!;
    const size = this.#headDim;
    for (let head = 0; head * run * size < value.length; head++) {
      const part = value.subarray(head * run * size, (head * run + kept) * size);
      this.#value.data.set(part as never, (head * this.#slots + slot) * size);
    }
  }
}
