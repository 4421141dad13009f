/** States of one text in a recurrent decoder, in host memory: one per layer and position. A run reads the last one. */
import { type HostTensor, createHostTensor } from "@slm/runtime";
import { GRAPH_IO } from "../graph-io.js";
import type { CacheShape, Elements, TextCache, WrittenTokens } from "./text-cache.js";

export class StateCache implements TextCache {
  readonly #model: CacheShape;
  readonly #width: number;
  /** `[window, width]` of each layer. */
  readonly #layers: readonly HostTensor[];

  /** @param from layers to copy; default: no states */
  constructor(model: CacheShape, window: number, from?: readonly HostTensor[]) {
    const { decoderLayers, stateWidth = 0, precision = "float32" } = model;
    this.#model = model;
    this.#width = stateWidth;
    this.#layers = Array.from({ length: decoderLayers }, (_, layer) =>
      createHostTensor(precision, [window, stateWidth], from?.[layer]?.data.slice()),
    );
  }

  /** The state of the previous position; zeros before the first. */
  feedsAt(position: number): Readonly<Record<string, HostTensor>> {
    const { precision = "float32" } = this.#model;
    const shape = [1, this.#width];
    const state = ({ data }: HostTensor): HostTensor =>
      position === 0
        ? createHostTensor(precision, shape)
        : createHostTensor(
            precision,
            shape,
            data.slice((position - 1) * this.#width, position * this.#width),
          );
    return Object.fromEntries(
      this.#layers.map((states, layer) => [GRAPH_IO.pastState(layer), state(states)]),
    );
  }

  copy(): StateCache {
    return new StateCache(this.#model, this.#layers[0]!.shape[0]!, this.#layers);
  }

  write({ slot, count }: WrittenTokens, made: Readonly<Record<string, HostTensor>>): void {
    for (const [layer, { data }] of this.#layers.entries()) {
      const states = made[GRAPH_IO.presentState(layer)]!.data as Elements;
      (data as Elements).set(states.subarray(0, count * this.#width), slot * this.#width);
    }
  }
}
