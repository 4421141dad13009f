/** Cache inputs and outputs of a dynamic decoder. */
import type { DeviceModel } from "./device-model.js";
import { GRAPH_IO } from "./graph-io.js";

/** One cache of one layer. The past is `[batch, heads, capacity, width]`; the model's `caches` determines the present. */
export interface CacheTensor {
  /** Name of the graph's input. */
  readonly past: string;
  /** Name of the graph's output. */
  readonly present: string;
  readonly heads: number;
  readonly width: number;
}

/** The caches of all layers: one state per layer with `stateWidth`, otherwise keys and values. */
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
