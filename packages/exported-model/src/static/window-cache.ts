/** Keys and values of one text in a window of fixed size, in host memory. */
import { type HostTensor, createHostTensor } from "@slm/runtime";
import { GRAPH_IO } from "../graph-io.js";
import type { CacheShape, Elements, TextCache, WrittenTokens } from "./text-cache.js";

interface LayerCache {
  /** `[1, kvHeads, headDim, slots]` */
  readonly key: HostTensor;
  /** `[1, kvHeads, slots, headDim]` */
  readonly value: HostTensor;
}

export class WindowCache implements TextCache {
  readonly #feeds: Readonly<Record<string, HostTensor>>;
  readonly #model: CacheShape;
  readonly #layers: readonly LayerCache[];
  /** One less than the window, because the newest token is not in the cache. */
  readonly #slots: number;
  readonly #headDim: number;

  /** @param from layers to copy; default: empty caches */
  constructor(model: CacheShape, window: number, from?: readonly LayerCache[]) {
    const { kvHeads, headDim, decoderLayers, precision = "float32" } = model;
    this.#model = model;
    this.#slots = window - 1;
    this.#headDim = headDim;
    this.#layers = Array.from({ length: decoderLayers }, (_, layer) => ({
      key: createHostTensor(precision, [1, kvHeads, headDim, this.#slots], from?.[layer]?.key.data.slice()),
      value: createHostTensor(
        precision,
        [1, kvHeads, this.#slots, headDim],
        from?.[layer]?.value.data.slice(),
      ),
    }));
    this.#feeds = Object.fromEntries(
      this.#layers.flatMap(({ key, value }, layer) => [
        [GRAPH_IO.pastKey(layer), key],
        [GRAPH_IO.pastValue(layer), value],
      ]),
    );
  }

  /** The same at every position: a bias hides the empty slots. */
  feedsAt(): Readonly<Record<string, HostTensor>> {
    return this.#feeds;
  }

  copy(): WindowCache {
    return new WindowCache(this.#model, this.#slots + 1, this.#layers);
  }

  /** Writes the decoder's new keys and values into the slots of their tokens. The last token of a window needs no slot. */
  write({ slot, count }: WrittenTokens, made: Readonly<Record<string, HostTensor>>): void {
    const kept = Math.min(count, this.#slots - slot);
    for (const [layer, { key, value }] of this.#layers.entries()) {
      const [newKey, newValue] = [made[GRAPH_IO.presentKey(layer)]!, made[GRAPH_IO.presentValue(layer)]!];
      const run = newKey.shape.at(-1)!;
      const [keys, values] = [newKey.data as Elements, newValue.data as Elements];
      for (let row = 0; row * run < keys.length; row += 1) {
        for (let at = 0; at < kept; at += 1) key.data[row * this.#slots + slot + at] = keys[row * run + at]!;
      }
      const headDim = this.#headDim;
      for (let head = 0; head * run * headDim < values.length; head += 1) {
        const part = values.subarray(head * run * headDim, (head * run + kept) * headDim);
        (value.data as Elements).set(part, (head * this.#slots + slot) * headDim);
      }
    }
  }
}
