/** Runs static graphs as the host of an NPU does: pads, masks, and writes each token's keys and values into its slot. */
import { GRAPH_IO } from "@slm/exported-model";
import { createHostTensor, type DeviceTensor, type HostTensor, type Session } from "@slm/runtime";
import { STATIC_IO } from "../graphs/static-graphs.js";
import { STATIC_MASKED } from "../lowerings/context.js";
import { imageTokensOf, type CaseInputs } from "./parity-cases.js";
import { floats } from "./reference-logits.js";
import { columns, seeImages, type GraphHost, type HostSetting } from "./run-host.js";

export const runStatic: GraphHost = async (setting, { vision, encoder, decoder }, { sizes, inputs }) => {
  const { source: bucket, window } = sizes.graph!;
  const { config } = setting;
  const bias = biasOf(bucket, (slot) => slot < sizes.source);
  const image = await seeImages(vision, inputs);
  const text = bucket - imageTokensOf(config);
  const encoded = await runEncoder(encoder!, inputs, { text, bias, image, pad: config.tokens.pad });
  const caches = Array.from(
    { length: config.decoderLayers },
    (_, layer) => new LayerCache(layer, window, setting),
  );
  try {
    const results: Float32Array[] = [];
    for (let position = 0; position < sizes.target; position++) {
      const { fetched } = await decoder.run({
        feeds: {
          [GRAPH_IO.targetIds]: columns(inputs.targetIds, position, 1),
          [STATIC_IO.position]: createHostTensor("int32", [1], Int32Array.of(position)),
          // The last column is the token itself.
          [STATIC_IO.windowBias]: biasOf(window, (slot) => slot < position || slot === window - 1),
          [GRAPH_IO.sourceBias]: bias,
          ...encoded,
          ...Object.fromEntries(caches.flatMap(({ feeds }) => Object.entries(feeds))),
        },
        fetch: decoder.outputNames,
      });
      results.push(floats(fetched[GRAPH_IO.logits]));
      for (const cache of caches) cache.write(position, fetched);
    }
    return results;
  } finally {
    await setting.runtime.release([...Object.values(image), ...Object.values(encoded)]);
  }
};

interface EncoderRun {
  /** Places for the text's tokens. */
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

/** float32 `[1, 1, 1, size]`: 0 where `isSeen`, STATIC_MASKED elsewhere. */
function biasOf(size: number, isSeen: (slot: number) => boolean): HostTensor {
  const values = Float32Array.from({ length: size }, (_, slot) => (isSeen(slot) ? 0 : STATIC_MASKED));
  return createHostTensor("float32", [1, 1, 1, size], values);
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

  get feeds(): Readonly<Record<string, HostTensor>> {
    return { [GRAPH_IO.pastKey(this.#layer)]: this.#key, [GRAPH_IO.pastValue(this.#layer)]: this.#value };
  }

  /** Writes a token's own keys and values into its slot; the last token of a window needs none. */
  write(slot: number, fetched: Readonly<Record<string, HostTensor>>): void {
    if (slot >= this.#slots) return;
    const key = fetched[GRAPH_IO.presentKey(this.#layer)]!.data as Float32Array | Uint16Array;
    const value = fetched[GRAPH_IO.presentValue(this.#layer)]!.data as Float32Array | Uint16Array;
    key.forEach((element, row) => {
      this.#key.data[row * this.#slots + slot] = element;
    });
    for (let head = 0; head * this.#headDim < value.length; head++) {
      const part = value.subarray(head * this.#headDim, (head + 1) * this.#headDim);
      this.#value.data.set(part as never, (head * this.#slots + slot) * this.#headDim);
    }
  }
}
