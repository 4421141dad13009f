/**
 * Builds small graphs that move rows of a running batch on the device.
 *
 * `place` writes the encoder's outputs for new rows into the batch, in place; `move` creates a batch of another size from
 * chosen rows. `width` is the longest source that fits the batch; rows are padded to it and masked there.
 */
import { cacheTensors, GRAPH_IO, LEXICAL_MASKED, type DeviceModel } from "@slm/exported-model";
import { GraphBuilder, encodeModel, int } from "@slm/onnx";
import type { DType } from "@slm/runtime";

/** Added to attention scores of padding: finite, and far below every score. */
export const MASKED = -1e9;

/** A tensor of a batch, one row per request. */
export interface StateTensor {
  /** Name of the decoder's input. */
  readonly name: string;
  readonly dtype: Extract<DType, "float32" | "float16">;
  /** Shape after the row axis; "width" stands for the source capacity. */
  readonly inner: readonly (number | "width")[];
  /** `decoder`: a cache that the decoder writes. `encoder`: an output of the encoder, which the decoder only reads. */
  readonly from: "encoder" | "decoder";
  /** For a cache: name of the decoder's output that is written to it. */
  readonly present?: string;
  /** Value of rows without a request. Default: zeros. */
  readonly empty?: number;
}

/** Inputs of the graphs besides the tensors. */
export const ROWS = "rows";
export const PADDING = "padding";
export const fresh = (name: string): string => `fresh.${name}`;
export const placed = (name: string): string => `placed.${name}`;

/** Every tensor of a model's batches. */
export function stateTensors(model: DeviceModel, capacity: number): readonly StateTensor[] {
  const { decoderLayers, kvHeads, headDim, precision } = model;
  const dtype = precision === "float16" ? "float16" : "float32";
  const layers = Array.from({ length: decoderLayers }, (_, layer) => layer);
  const caches = cacheTensors(model).map(({ past, present, heads, width }): StateTensor => ({
    name: past,
    present,
    dtype,
    inner: [heads, capacity, width],
    from: "decoder",
  }));
  if (model.architecture === "decoder-only") return caches;
  const cross = layers.flatMap((layer): StateTensor[] => [
    { name: GRAPH_IO.crossKey(layer), dtype, inner: [kvHeads, headDim, "width"], from: "encoder" },
    { name: GRAPH_IO.crossValue(layer), dtype, inner: [kvHeads, "width", headDim], from: "encoder" },
  ]);
  return [
    ...caches,
    { name: GRAPH_IO.sourceBias, dtype: "float32", inner: [1, 1, "width"], from: "encoder" },
    ...(model.lexicalShortlist === true
      ? [
          {
            name: GRAPH_IO.lexicalBias,
            dtype: "float32",
            inner: [model.vocabularySize],
            from: "encoder",
            // A row without a request must list no tokens, because its tokens would be listed for all rows.
            empty: LEXICAL_MASKED,
          } as const,
        ]
      : []),
    ...cross,
  ];
}

/** `placed.X = X with rows replaced by fresh.X`, for every output of the encoder. rows int64 `[fresh, 1]`. */
export function placeGraph(tensors: readonly StateTensor[]): Uint8Array {
  const builder = new GraphBuilder("place");
  const rows = builder.input(ROWS, "int64", ["fresh", 1]);
  const padding = builder.input(PADDING, "int64", [1]);
  for (const tensor of tensors.filter(({ from }) => from === "encoder")) {
    const shape = tensor.inner.map((size) => size);
    const batch = builder.input(tensor.name, tensor.dtype, ["batch", ...shape]);
    const added = builder.input(fresh(tensor.name), tensor.dtype, ["fresh", ...shape.map(sourceWidth)]);
    const wide = padded(builder, tensor, added, padding);
    builder.output(placed(tensor.name), builder.op("ScatterND", [batch, rows, wide]), tensor.dtype, [
      "batch",
      ...shape,
    ]);
  }
  return encodeModel(builder.build());
}

/** `placed.X = X[rows]`, widened by `padding`. rows int64 `[moved]`. */
export function moveGraph(tensors: readonly StateTensor[]): Uint8Array {
  const builder = new GraphBuilder("move");
  const rows = builder.input(ROWS, "int64", ["moved"]);
  const usesWidth = tensors.some(({ inner }) => inner.includes("width"));
  const padding = usesWidth ? builder.input(PADDING, "int64", [1]) : "";
  for (const tensor of tensors) {
    const batch = builder.input(tensor.name, tensor.dtype, ["batch", ...tensor.inner]);
    const moved = builder.op("Gather", [batch, rows], { attributes: { axis: int(0) } });
    const wide = padded(builder, tensor, moved, padding);
    builder.output(placed(tensor.name), wide, tensor.dtype, ["moved", ...tensor.inner.map(newWidth)]);
  }
  return encodeModel(builder.build());
}

const sourceWidth = (size: number | "width"): number | string => (size === "width" ? "source" : size);
const newWidth = (size: number | "width"): number | string => (size === "width" ? "newWidth" : size);

/** Pads the source axis at its end; a tensor without one is unchanged. */
function padded(
  builder: GraphBuilder,
  { inner, name, dtype }: StateTensor,
  value: string,
  padding: string,
): string {
  const axis = inner.indexOf("width") + 1;
  if (axis === 0) return value;
  const rank = inner.length + 1;
  const zeros = (count: number): readonly string[] =>
    count === 0 ? [] : [builder.ints(Array<number>(count).fill(0))];
  const pads = builder.op("Concat", [...zeros(rank + axis), padding, ...zeros(rank - axis - 1)], {
    attributes: { axis: int(0) },
  });
  const filling = builder.constant(dtype, [], [name === GRAPH_IO.sourceBias ? MASKED : 0]);
  return builder.op("Pad", [value, pads, filling]);
}
