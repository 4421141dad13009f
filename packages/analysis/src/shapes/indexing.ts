/** Shape inference of operators that gather, slice, count or scatter elements. */
import type { InferContext, InferRule } from "./context.js";
import {
  axisOf,
  elementsAt,
  isNumber,
  MAX_ELEMENTS,
  numbersOf,
  productOf,
  unknownSizes,
  withSize,
  type Dimension,
  type Shape,
  type ValueFacts,
} from "./facts.js";

/** A symbol for a size that depends on the data. */
function dataDependent(c: InferContext): string {
  return `count(${c.node.outputs[0] ?? c.node.name})`;
}

const gather: InferRule = (c) => {
  const [data, indices] = [c.input(0), c.input(1)];
  if (data.shape === undefined || indices.shape === undefined) return [{ dtype: data.dtype }];
  const axis = c.axis("axis", 0, data.shape.length);
  if (axis === undefined) return [{ dtype: data.dtype }];
  const shape = [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)];
  return [{ dtype: data.dtype, shape, elements: picked(data, indices, axis) }];
};

/** Elements of a vector at known indices. */
function picked(data: ValueFacts, indices: ValueFacts, axis: number): readonly Dimension[] | undefined {
  const places = numbersOf(indices);
  const { elements } = data;
  if (axis !== 0 || data.shape?.length !== 1 || elements === undefined || places === undefined)
    return undefined;
  return places.map((place) => elements[place < 0 ? place + elements.length : place] ?? "");
}

const gatherElements: InferRule = (c) => [{ dtype: c.input(0).dtype, shape: c.shape(1) }];

const gatherNd: InferRule = (c) => {
  const [data, indices] = [c.input(0), c.input(1)];
  const depth = indices.shape?.at(-1);
  if (data.shape === undefined || indices.shape === undefined || !isNumber(depth))
    return [{ dtype: data.dtype }];
  const batch = c.int("batch_dims", 0);
  return [{ dtype: data.dtype, shape: [...indices.shape.slice(0, -1), ...data.shape.slice(batch + depth)] }];
};

/** Size of an axis after ONNX `Slice` from `start` to `end` with `step`. */
function cutSize(size: Dimension, start: number, end: number, step: number): Dimension {
  if (step === 0) return "";
  if (!isNumber(size)) return symbolicCut(size, start, end, step);
  // For a negative step, the last reachable index is 0, and -1 means before the first element.
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clamp = (place: number): number => Math.min(high, Math.max(low, place < 0 ? place + size : place));
  return Math.max(0, Math.ceil((clamp(end) - clamp(start)) / step));
}

/** Exporters write this or a larger number for "to the end". */
const TO_THE_END = 2 ** 31 - 1;

/** Slice of an axis of unknown size: only a slice of the whole axis has a known (equal) size. */
function symbolicCut(size: Dimension, start: number, end: number, step: number): Dimension {
  return step === 1 && start === 0 && end >= TO_THE_END ? size : "";
}

interface Cut {
  readonly starts: readonly number[] | "unknown" | undefined;
  readonly ends: readonly number[] | "unknown" | undefined;
  readonly axes: readonly number[] | "unknown" | undefined;
  readonly steps: readonly number[] | "unknown" | undefined;
}

const slice: InferRule = (c) => {
  const data = c.input(0);
  const cut: Cut = {
    starts: c.list("starts", 1),
    ends: c.list("ends", 2),
    axes: c.list("axes", 3),
    steps: c.list("steps", 4),
  };
  const { shape } = data;
  if (shape === undefined) return [{ dtype: data.dtype }];
  const axes = cut.axes === undefined ? [...shape.keys()] : cut.axes;
  if (axes === "unknown") return [{ dtype: data.dtype, shape: unknownSizes(shape.length) }];
  const at = (list: Cut["starts"], index: number, missing: number | undefined): number | undefined =>
    list === undefined ? missing : list === "unknown" ? undefined : list[index];
  const count = axesCut(axes, cut);
  let result: Shape = shape;
  const cuts = new Map<number, { readonly start: number; readonly step: number }>();
  for (let index = 0; index < count; index += 1) {
    const axis = axisOf(axes[index]!, shape.length);
    if (axis === undefined) {
      c.problem(`axis ${axes[index]!} of a tensor with ${shape.length} axes`);
      return [{ dtype: data.dtype }];
    }
    const size = shape[axis]!;
    const [start, end] = [at(cut.starts, index, undefined), at(cut.ends, index, undefined)];
    const step = at(cut.steps, index, 1);
    const isKnown = start !== undefined && end !== undefined && step !== undefined;
    result = withSize(result, axis, isKnown ? cutSize(size, start, end, step) : "");
    if (isKnown && isNumber(size)) cuts.set(axis, { start: firstOf(size, start, step), step });
  }
  const elements = elementsAt(data, result, (place) =>
    place.map((at, axis) => {
      const { start, step } = cuts.get(axis) ?? { start: 0, step: 1 };
      return start + at * step;
    }),
  );
  return [{ dtype: data.dtype, shape: result, elements }];
};

/** First index of a slice. */
function firstOf(size: number, start: number, step: number): number {
  const place = start < 0 ? start + size : start;
  return step > 0 ? Math.min(size, Math.max(0, place)) : Math.min(size - 1, Math.max(-1, place));
}

/** Without `axes`, starts and ends apply to the first axes. */
function axesCut(axes: readonly number[], { starts, ends }: Cut): number {
  const lengths = [starts, ends].map((list) => (Array.isArray(list) ? list.length : axes.length));
  return Math.min(axes.length, ...lengths);
}

const topK: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const axis = shape && c.axis("axis", -1, shape.length);
  if (shape === undefined || axis === undefined) return [{ dtype }, { dtype: "int64" }];
  const count = c.ints("k")?.[0] ?? (c.has(1) ? c.input(1).elements?.[0] : c.int("k", -1)) ?? "";
  const result = withSize(shape, axis, isNumber(count) && count < 0 ? "" : count);
  return [
    { dtype, shape: result },
    { dtype: "int64", shape: result },
  ];
};

const oneHot: InferRule = (c) => {
  const dtype = c.input(2).dtype;
  const shape = c.shape(0);
  if (shape === undefined) return [{ dtype }];
  const axis = c.axis("axis", -1, shape.length + 1);
  const depth = c.input(1).elements?.[0] ?? "";
  return [
    { dtype, shape: axis === undefined ? undefined : [...shape.slice(0, axis), depth, ...shape.slice(axis)] },
  ];
};

const nonZero: InferRule = (c) => {
  const shape = c.shape(0);
  return [{ dtype: "int64", shape: [shape === undefined ? "" : shape.length, dataDependent(c)] }];
};

const compress: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const axis = c.node.attributes.axis === undefined ? undefined : shape && c.axis("axis", 0, shape.length);
  const size = dataDependent(c);
  return [{ dtype, shape: axis === undefined || shape === undefined ? [size] : withSize(shape, axis, size) }];
};

const unique: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const count = dataDependent(c);
  const axis = c.node.attributes.axis === undefined ? undefined : shape && c.axis("axis", 0, shape.length);
  const counts: ValueFacts = { dtype: "int64", shape: [count] };
  const values = axis === undefined || shape === undefined ? [count] : withSize(shape, axis, count);
  const inverse = axis === undefined ? shape && productOf(shape) : shape?.[axis];
  return [{ dtype, shape: values }, counts, { dtype: "int64", shape: [inverse ?? ""] }, counts];
};

const nonMaxSuppression: InferRule = (c) => [{ dtype: "int64", shape: [dataDependent(c), 3] }];

const range: InferRule = (c) => {
  const [start, limit, delta] = [0, 1, 2].map((index) => c.input(index).elements?.[0] ?? "");
  const dtype = c.input(0).dtype ?? c.input(1).dtype;
  if (isNumber(start) && isNumber(limit) && isNumber(delta) && delta !== 0) {
    const count = Math.max(0, Math.ceil((limit - start) / delta));
    const elements =
      count <= MAX_ELEMENTS ? Array.from({ length: count }, (_, index) => start + index * delta) : undefined;
    return [{ dtype, shape: [count], elements }];
  }
  return [{ dtype, shape: [start === 0 && delta === 1 ? (limit ?? "") : ""] }];
};

const shapeOf: InferRule = (c) => {
  const shape = c.shape(0);
  if (shape === undefined) return [{ dtype: "int64", shape: [""] }];
  const place = (axis: number): number =>
    Math.max(0, Math.min(shape.length, axis < 0 ? axis + shape.length : axis));
  const elements = shape.slice(place(c.int("start", 0)), place(c.int("end", shape.length)));
  return [{ dtype: "int64", shape: [elements.length], elements }];
};

const size: InferRule = (c) => {
  const shape = c.shape(0);
  return [{ dtype: "int64", shape: [], elements: shape === undefined ? undefined : [productOf(shape)] }];
};

/** ONNX `Col2Im` (opset 18). */
const columnsToImage: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const image = c.input(1).elements;
  const block = numbersOf(c.input(2));
  if (shape === undefined || image === undefined) return [{ dtype }];
  const channels = shape[1] ?? "";
  const part = block === undefined ? "" : productOf(block);
  const depth = isNumber(channels) && isNumber(part) && part > 0 ? channels / part : "";
  return [{ dtype, shape: [shape[0] ?? "", depth, ...image] }];
};

const centerCropPad: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const wanted = c.input(1).elements;
  if (shape === undefined) return [{ dtype }];
  const axes = c.ints("axes") ?? [...shape.keys()];
  const result = axes.reduce<Shape>((sizes, axis, index) => {
    const place = axisOf(axis, shape.length);
    return place === undefined ? sizes : withSize(sizes, place, wanted?.[index] ?? "");
  }, shape);
  return [{ dtype, shape: result }];
};

export const INDEXING: Readonly<Record<string, InferRule>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  Slice: slice,
  TopK: topK,
  OneHot: oneHot,
  NonZero: nonZero,
  Compress: compress,
  Unique: unique,
  NonMaxSuppression: nonMaxSuppression,
  Range: range,
  Shape: shapeOf,
  Size: size,
  Col2Im: columnsToImage,
  CenterCropPad: centerCropPad,
};
