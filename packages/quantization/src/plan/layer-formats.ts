/** Lists the layers of a graph whose format can be chosen, and their size in each format. */
import type { SizedWeightOptions, WeightFormat } from "@slm/devices";
import type { GraphName } from "@slm/exported-model";
import type { Graph } from "@slm/onnx";
import { findWeightUses } from "../rewrite/weight-uses.js";
import { blockSizes, type BlockBits } from "../weights/block-format.js";

/** A weight of one graph. */
export interface Layer {
  readonly graph: GraphName;
  readonly weight: string;
  readonly inputs: number;
  readonly outputs: number;
  /** Whether an embedding reads its rows. */
  readonly isTable: boolean;
}

/** Every weight of a graph that can be quantized, once. */
export function layersOf(name: GraphName, graph: Graph): readonly Layer[] {
  const layers = new Map<string, Layer>();
  const { uses } = findWeightUses(graph);
  const tables = new Set(uses.filter(({ kind }) => kind === "embedding").map(({ weight }) => weight));
  for (const { weight, layout } of uses) {
    const [rows, columns] = graph.initializers.get(weight)!.shape as readonly [number, number];
    const sizes =
      layout === "inputs-first" ? { inputs: rows, outputs: columns } : { inputs: columns, outputs: rows };
    layers.set(weight, { graph: name, weight, ...sizes, isTable: tables.has(weight) });
  }
  return [...layers.values()];
}

type SizeOf = (layer: Layer, weights: SizedWeightOptions) => number;

const blocks =
  (bits: BlockBits): SizeOf =>
  ({ inputs, outputs }, { blockSize, symmetric = false }) => {
    const sizes = blockSizes(inputs, bits, blockSize);
    return outputs * (sizes.codeBytes + 4 * sizes.blocks + (symmetric ? 0 : sizes.zeroBytes));
  };

/** One row per format: the bytes of a weight with its scales and zero points. */
const SIZES: Readonly<Record<WeightFormat, SizeOf>> = {
  float32: ({ inputs, outputs }) => 4 * inputs * outputs,
  "int8-dynamic": ({ inputs, outputs }) => inputs * outputs + 4 * outputs,
  "int8-block": blocks(8),
  "int4-block": blocks(4),
  "int2-block": blocks(2),
};

/** Bytes of a layer in a format. */
export const layerBytes = (layer: Layer, format: WeightFormat, weights: SizedWeightOptions): number =>
  SIZES[format](layer, weights);
