/** Shape inference of reductions, global pooling and normalization. */
import type { InferContext, InferRule } from "./context.js";
import { axisOf, numbersOf, productOf, unknownSizes, withSize, type Shape } from "./facts.js";

function reducedShape(c: InferContext, axes: readonly number[], keep: boolean): Shape | undefined {
  const shape = c.shape(0);
  if (shape === undefined) return undefined;
  const gone = new Set(axes.map((axis) => axisOf(axis, shape.length)));
  if (gone.has(undefined)) {
    c.problem(`axes [${axes.join(",")}] of a tensor with ${shape.length} axes`);
    return undefined;
  }
  return keep
    ? shape.map((size, axis) => (gone.has(axis) ? 1 : size))
    : shape.filter((_, axis) => !gone.has(axis));
}

const reduce: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const keep = c.int("keepdims", 1) === 1;
  const axes = c.list("axes", 1);
  if (axes === "unknown") return [{ dtype, shape: keep && shape ? unknownSizes(shape.length) : undefined }];
  const isAll = axes === undefined || axes.length === 0;
  if (isAll && c.int("noop_with_empty_axes", 0) === 1) return [{ dtype, shape }];
  const all = isAll ? [...(shape ?? []).keys()] : axes;
  const numbers = c.node.opType === "ReduceProd" ? c.input(0).elements : undefined;
  const elements = numbers !== undefined && shape?.length === 1 ? [productOf(numbers)] : undefined;
  return [{ dtype, shape: reducedShape(c, all, keep), elements }];
};

const argReduce: InferRule = (c) => {
  const keep = c.int("keepdims", 1) === 1;
  return [{ dtype: "int64", shape: reducedShape(c, [c.int("axis", 0)], keep) }];
};

/** All spatial axes to size 1. */
const globalPool: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  return [{ dtype, shape: shape?.map((size, axis) => (axis < 2 ? size : 1)) }];
};

const determinant: InferRule = (c) => [{ dtype: c.input(0).dtype, shape: c.shape(0)?.slice(0, -2) }];

/** ONNX `Multinomial`: samples from distributions over the last axis. */
const multinomial: InferRule = (c) => [
  {
    dtype: c.int("dtype", 6) === 7 ? "int64" : "int32",
    shape: [c.shape(0)?.[0] ?? "", c.int("sample_size", 1)],
  },
];

/** Output and three statistics of a normalization along the axes from `axis` on. */
export const normalize: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const start = shape && c.axis("axis", -1, shape.length);
  const statistics = start === undefined ? undefined : shape?.map((size, axis) => (axis < start ? size : 1));
  const facts = { dtype: "float32" as const, shape: statistics };
  return [{ dtype, shape }, facts, facts];
};

const REDUCTIONS = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"];

export const REDUCE: Readonly<Record<string, InferRule>> = {
  ...Object.fromEntries(REDUCTIONS.map((name) => [`Reduce${name}`, reduce])),
  ArgMax: argReduce,
  ArgMin: argReduce,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  Det: determinant,
  Multinomial: multinomial,
  LayerNormalization: normalize,
  RMSNormalization: normalize,
  SimplifiedLayerNormalization: normalize,
  /** Bounding boxes pooled to a fixed size; `rois` are counted by input 1. */
  RoiAlign: (c) => [
    {
      dtype: c.input(0).dtype,
      shape: [
        c.shape(1)?.[0] ?? "",
        c.shape(0)?.[1] ?? "",
        c.int("output_height", 1),
        c.int("output_width", 1),
      ],
    },
  ],
  MaxRoiPool: (c) => [
    {
      dtype: c.input(0).dtype,
      shape: [c.shape(1)?.[0] ?? "", c.shape(0)?.[1] ?? "", ...(c.ints("pooled_shape") ?? ["", ""])],
    },
  ],
  GridSample: (c) => {
    const [data, grid] = [c.shape(0), c.shape(1)];
    if (data === undefined || grid === undefined) return [{ dtype: c.input(0).dtype }];
    return [{ dtype: c.input(0).dtype, shape: [...data.slice(0, 2), ...grid.slice(1, -1)] }];
  },
  AffineGrid: (c) => {
    const sizes = numbersOf(c.input(1));
    const shape =
      sizes === undefined
        ? undefined
        : [...withSize(sizes, 1, 0).filter((_, axis) => axis !== 1), sizes.length - 2];
    return [{ dtype: c.input(0).dtype, shape }];
  },
};
