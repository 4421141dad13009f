/** What a decoder of dynamic sizes remembers of the tokens so far, as inputs and outputs of its graph. */
import { GRAPH_IO, type DeviceModel } from "./device-model.js";

/** One cache of one layer: past `[batch, heads, capacity, width]`, present as the model's `caches` say. */
export interface CacheTensor {
  /** Name of the graph's input. */
  readonly past: string;
  /** Name of the graph's output. */
  readonly present: string;
  readonly heads: number;
  readonly width: number;
}

/** The caches of all layers: a state each in a model with `stateWidth`, keys and values otherwise. */
export function cacheTensors({
  decoderLayers,
  kvHeads,
  headDim,
  stateWidth,
}: Pick<DeviceModel, "decoderLayers" | "kvHeads" | "headDim" | "stateWidth">): readonly CacheTensor[] {
  const heads = { heads: kvHeads, width: headDim };
  return Array.from({ length: decoderLayers }, (_, layer): readonly CacheTensor[] =>
    stateWidth === undefined
      ? [
          { past: GRAPH_IO.pastKey(layer), present: GRAPH_IO.presentKey(layer), ...heads },
          { past: GRAPH_IO.pastValue(layer), present: GRAPH_IO.presentValue(layer), ...heads },
        ]
      : [
          {
            past: GRAPH_IO.pastState(layer),
            present: GRAPH_IO.presentState(layer),
            heads: 1,
            width: stateWidth,
          },
        ],
  ).flat();
}
