/** Reorders heads for exported graphs. */
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { Checkpoint } from "@slm/checkpoints";
import { stackHeads, type ModelConfig } from "@slm/model";
import { LazyWeights } from "./lazy-weights.js";

const QUERY = /^(?:encoder|decoder)\.(?:.*\.)?(?:attention|crossAttention)\.query\.(?:weight|bias)$/;
const OUTPUT = /^(?:encoder|decoder)\.(?:.*\.)?(?:attention|crossAttention)\.output\.weight$/;

/**
 * Returns the model with `headOrder` "grouped". Query head h of a "modulo" model reads KV head h mod kvHeads; in grouped order head h reads
 * h div group. The rows of the query projection and the columns of the output projection move accordingly. Other weights, and a grouped
 * model, do not change.
 */
export function groupHeads<Config extends ModelConfig>({
  config,
  weights,
}: Checkpoint & { readonly config: Config }): Checkpoint & { readonly config: Config } {
  if (config.headOrder === "grouped") return { config, weights };
  const orders = {
    encoder: groupedOrder(stackHeads(config, "encoderLayers")),
    decoder: groupedOrder(stackHeads(config, "decoderLayers")),
  };
  const moved = new LazyWeights(weights.keys(), (name) => {
    const weight = weights.get(name)!;
    const order = name.startsWith("encoder.") ? orders.encoder : orders.decoder;
    if (QUERY.test(name)) return moveBlocks(weight, 0, order);
    return OUTPUT.test(name) ? moveBlocks(weight, 1, order) : weight;
  });
  return { config: { ...config, headOrder: "grouped" }, weights: moved };
}

/** The modulo head for each position in grouped order. */
function groupedOrder({ heads, kvHeads }: Pick<ModelConfig, "heads" | "kvHeads">): readonly number[] {
  const group = heads / kvHeads;
  return Array.from({ length: heads }, (_, place) => (place % group) * kvHeads + Math.floor(place / group));
}

/** Reorders equal blocks along one axis of a vector or matrix: block i of the result is block order[i]. */
function moveBlocks({ shape, data }: HostTensor, axis: 0 | 1, order: readonly number[]): HostTensor {
  const [rows = 1, columns = 1] = shape;
  const rowBlock = axis === 0 ? rows / order.length : rows;
  const columnBlock = axis === 1 ? columns / order.length : columns;
  const moved = createHostTensor("float32", shape);
  order.forEach((from, to) => {
    const [fromRow, toRow] = axis === 0 ? [from * rowBlock, to * rowBlock] : [0, 0];
    const [fromColumn, toColumn] = axis === 1 ? [from * columnBlock, to * columnBlock] : [0, 0];
    for (let row = 0; row < rowBlock; row++) {
      const start = (fromRow + row) * columns + fromColumn;
      moved.data.set(
        (data as Float32Array).subarray(start, start + columnBlock) as never,
        (toRow + row) * columns + toColumn,
      );
    }
  });
  return moved;
}
