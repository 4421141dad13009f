/** Random uses of operators that move, select and repeat elements. */
import { C, I, T, W } from "../probe-table/inputs.mjs";
import { atLeast, axisOf, isImage } from "./draw.mjs";

/** @typedef {import("./draw.mjs").Draw} Draw */
/** @typedef {import("./draw.mjs").Random} Random */
/** @typedef {import("./draw.mjs").RandomRow} RandomRow */

const product = (/** @type {readonly number[]} */ shape) => shape.reduce((all, size) => all * size, 1);
const ranked = (/** @type {Draw} */ draw) => [...draw.shape(), draw.int(2, 6)].slice(-5);
const sizeAt = (/** @type {readonly number[]} */ shape, /** @type {number} */ axis) => shape[axis] ?? 1;

/** Moves factors between axes, and sometimes writes an axis as 0 (as before) or -1 (the rest). */
/** @type {Random} */
const reshape = (draw, shape) => {
  const merged = draw.int(0, shape.length);
  const head = shape.slice(0, merged);
  const rest = product(shape.slice(merged));
  const divisors = draw.list(rest, (index) => index + 1).filter((size) => rest % size === 0);
  const size = draw.pick(divisors);
  const sizes = draw.pick([
    [...head, size, rest / size],
    [...head, rest],
    [product(head), rest],
    [1, ...head, rest],
  ]);
  const wild = draw.chance(0.3) ? draw.int(0, sizes.length - 1) : -1;
  const written = sizes.map((one, axis) =>
    axis === wild ? -1 : one === shape[axis] && draw.chance(0.2) ? 0 : one,
  );
  return { x: [T(shape), C(written)] };
};

/** @type {Random} */
const squeeze = (draw, shape) => {
  const ones = shape.flatMap((size, axis) => (size === 1 ? [axis] : []));
  const axes = ones.filter(() => draw.chance(0.7)).map((axis) => draw.signed(axis, shape.length));
  return axes.length === 0 ? { x: [T(shape)] } : { x: [T(shape), C(axes)] };
};

/** @type {Random} */
const unsqueeze = (draw, shape) => {
  const rank = shape.length + draw.pick([1, 1, 1, 2]);
  const axes = draw.order(rank).slice(0, rank - shape.length);
  return { x: [T(shape), C(axes.map((axis) => draw.signed(axis, rank)))] };
};

/** @type {Random} */
const expand = (draw, shape) => {
  const wide = shape.map((size) => (size === 1 && draw.chance(0.7) ? draw.int(1, 4) : size));
  return { x: [T(shape), C(draw.pick([wide, wide, [draw.int(1, 3), ...wide], shape.map(() => 1)]))] };
};

/** @type {Random} */
const concat = (draw, shape) => {
  const axis = draw.int(0, shape.length - 1);
  const others = draw.list(draw.pick([0, 1, 1, 1, 2]), () => {
    const other = shape.map((size, at) => (at === axis ? draw.int(1, 4) : size));
    return draw.chance(0.2) ? W(other) : T(other);
  });
  return { x: [T(shape), ...others], a: { axis: draw.signed(axis, shape.length) } };
};

/** @type {Random} */
const split = (draw, shape, opset) => {
  const axis = draw.int(0, shape.length - 1);
  const size = sizeAt(shape, axis);
  const a = { axis: draw.signed(axis, shape.length) };
  const n = draw.int(1, Math.min(3, size));
  if (draw.chance(0.4) && (opset >= 18 || size % n === 0))
    return { x: [T(shape)], a: opset >= 18 ? { ...a, num_outputs: n } : a, n };
  const first = draw.int(1, size - n + 1);
  const sizes = n === 1 ? [size] : n === 2 ? [first, size - first] : [1, 1, size - 2];
  return { x: [T(shape), C(sizes)], a, n };
};

/** @type {Random} */
const slice = (draw, shape) => {
  const axes = draw.axes(shape.length);
  const ranges = axes.map((axis) => {
    const size = sizeAt(shape, axis);
    const low = draw.int(0, size - 1);
    const high = draw.int(low + 1, size);
    const step = draw.pick([1, 1, 1, 2, 3]);
    if (draw.chance(0.15)) return [high - 1, low === 0 ? -size - 1 : low - 1, -step];
    return [draw.chance(0.2) ? low - size : low, draw.chance(0.2) ? 1000 : high, step];
  });
  const column = (/** @type {number} */ at) => ranges.map((range) => range[at] ?? 1);
  const x = [T(shape), C(column(0)), C(column(1)), C(axes.map((axis) => draw.signed(axis, shape.length)))];
  const isPlain = column(2).every((step) => step === 1);
  return { x: isPlain && draw.chance(0.5) ? x : [...x, C(column(2))] };
};

/** @type {Random} */
const gather = (draw, shape) => {
  const axis = draw.int(0, shape.length - 1);
  const sizes = draw.list(draw.pick([0, 1, 1, 2]), () => draw.int(1, 4));
  const dtype = draw.pick(/** @type {const} */ (["int64", "int32"]));
  const low = draw.chance(0.2) ? -sizeAt(shape, axis) : 0;
  const values = draw.list(product(sizes), () => draw.int(low, sizeAt(shape, axis) - 1));
  const indices = draw.chance(0.5) ? I(sizes, dtype) : C(values, dtype, sizes);
  return { x: [T(shape), indices], a: { axis: draw.signed(axis, shape.length) } };
};

/** Indices of the same rank, for GatherElements and ScatterElements. */
const elements = (/** @type {Draw} */ draw, /** @type {number[]} */ shape, /** @type {number} */ axis) => {
  const sizes = shape.map((size) => draw.int(1, size));
  const dtype = draw.pick(/** @type {const} */ (["int64", "int32"]));
  const values = draw.list(product(sizes), () => draw.int(0, sizeAt(shape, axis) - 1));
  return { sizes, indices: draw.chance(0.5) ? I(sizes, dtype) : C(values, dtype, sizes) };
};

/** @type {Random} */
const gatherElements = (draw, shape) => {
  const axis = draw.axis(shape.length);
  const { indices } = elements(draw, shape, axisOf(axis, shape.length));
  return { x: [T(shape), indices], a: { axis } };
};

/** @type {Random} */
const scatterElements = (draw, shape, opset) => {
  const axis = draw.axis(shape.length);
  const { sizes, indices } = elements(draw, shape, axisOf(axis, shape.length));
  const reductions = opset >= 18 ? ["none", "none", "add", "mul", "max", "min"] : ["none"];
  return {
    x: [T(shape), indices, T(sizes)],
    a: { axis, ...draw.some({ reduction: draw.pick(reductions) }) },
  };
};

/** Constant or computed indices of `count` elements or slices. */
const points = (/** @type {Draw} */ draw, /** @type {number[]} */ shape) => {
  const depth = draw.int(1, shape.length);
  const sizes = [...draw.list(draw.int(1, 2), () => draw.int(1, 3)), depth];
  const values = draw.list(product(sizes), (index) => draw.int(0, sizeAt(shape, index % depth) - 1));
  const indices = draw.chance(0.5) ? I(sizes) : C(values, "int64", sizes);
  return { indices, updates: [...sizes.slice(0, -1), ...shape.slice(depth)] };
};

/** @type {Random} */
const scatterNd = (draw, shape, opset) => {
  const { indices, updates } = points(draw, shape);
  const reductions = opset >= 18 ? ["none", "none", "add", "mul", "max", "min"] : ["none"];
  return { x: [T(shape), indices, T(updates)], a: draw.some({ reduction: draw.pick(reductions) }) };
};

/** @type {Random} */
const pad = (draw, shape, opset) => {
  const mode = draw.pick(["constant", "constant", "reflect", "edge", ...(opset >= 19 ? ["wrap"] : [])]);
  const most = (/** @type {number} */ axis) =>
    mode === "constant" ? 3 : mode === "edge" ? 2 : sizeAt(shape, axis) - 1;
  const amounts = draw.list(2 * shape.length, (at) =>
    draw.chance(0.5) ? 0 : draw.int(0, most(at % shape.length)),
  );
  if (mode === "constant" && sizeAt(shape, 0) > 2 && draw.chance(0.1)) amounts[0] = -1;
  const value = mode === "constant" && draw.chance(0.4) ? [W([])] : [];
  return { x: [T(shape), C(amounts), ...value], a: mode === "constant" ? draw.some({ mode }) : { mode } };
};

/** @type {Random} */
const resize = (draw, shape, opset) => {
  const mode = draw.pick(["nearest", "nearest", "linear", "linear", "cubic"]);
  const coordinates = draw.pick([
    "half_pixel",
    "half_pixel",
    "asymmetric",
    "asymmetric",
    "align_corners",
    "pytorch_half_pixel",
    ...(opset >= 19 ? ["half_pixel_symmetric"] : []),
  ]);
  const nearest = draw.pick(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]);
  const a = {
    mode,
    ...draw.some({ coordinate_transformation_mode: coordinates }),
    ...(mode === "nearest" ? draw.some({ nearest_mode: nearest }) : {}),
    ...(draw.chance(0.05) && opset >= 18 ? { antialias: 1 } : {}),
  };
  const factors = shape.map((_, axis) => (axis < 2 ? 1 : draw.pick([1, 2, 2, 2, 3, 1.5, 2.5, 0.5, 0.75])));
  if (draw.chance(0.6)) return { x: [T(shape), null, C(factors, "float32")], a };
  const sizes = shape.map((size, axis) => (axis < 2 ? size : draw.pick([draw.int(1, 2 * size), 2 * size])));
  return { x: [T(shape), null, null, C(sizes)], a };
};

/** @type {Random} */
const depthToSpace = (draw, shape) => ({
  x: [T(shape)],
  a: {
    blocksize: draw.pick([2, sizeAt(shape, 1) % 9 === 0 ? 3 : 2]),
    ...draw.some({ mode: draw.pick(["DCR", "CRD"]) }),
  },
});

/** @type {Readonly<Record<string, RandomRow>>} */
export const MOVEMENT = {
  Reshape: { fits: atLeast(1), shape: ranked, use: reshape },
  Transpose: {
    fits: atLeast(1),
    shape: ranked,
    use: (draw, shape) => ({ x: [T(shape)], a: draw.chance(0.8) ? { perm: draw.order(shape.length) } : {} }),
  },
  Squeeze: {
    fits: (shape) => shape.includes(1),
    shape: (draw) => [1, ...draw.shape()].slice(0, 6),
    use: squeeze,
  },
  Unsqueeze: { use: unsqueeze },
  Flatten: { use: (draw, shape) => ({ x: [T(shape)], a: draw.some({ axis: draw.int(0, shape.length) }) }) },
  Expand: { use: expand },
  Tile: {
    fits: atLeast(1),
    shape: ranked,
    use: (draw, shape) => ({ x: [T(shape), C(shape.map(() => draw.pick([1, 1, 2, 3])))] }),
  },
  Concat: { fits: atLeast(1), shape: ranked, use: concat },
  Split: { fits: atLeast(1), shape: ranked, use: split },
  Slice: { fits: atLeast(1), shape: ranked, use: slice },
  Gather: { fits: atLeast(1), shape: ranked, use: gather },
  GatherElements: { fits: atLeast(1), shape: ranked, use: gatherElements },
  GatherND: {
    fits: atLeast(1),
    shape: ranked,
    use: (draw, shape) => ({ x: [T(shape), points(draw, shape).indices] }),
  },
  ScatterElements: { fits: atLeast(1), shape: ranked, use: scatterElements },
  ScatterND: { fits: atLeast(1), shape: ranked, use: scatterNd },
  Pad: { fits: atLeast(1), shape: ranked, use: pad },
  Trilu: {
    since: 14,
    fits: atLeast(2),
    shape: (draw) => [draw.int(2, 5), ...ranked(draw)].slice(-5),
    use: (draw, shape) => ({
      x: [T(shape), ...(draw.chance(0.5) ? [C([draw.int(-1, 2)], "int64", [])] : [])],
      a: draw.some({ upper: draw.int(0, 1) }),
    }),
  },
  DepthToSpace: {
    fits: (shape) => shape.length === 4 && sizeAt(shape, 1) % 4 === 0,
    shape: (draw) => [draw.int(1, 2), draw.pick([4, 8, 12, 36]), draw.int(1, 5), draw.int(1, 5)],
    use: depthToSpace,
  },
  SpaceToDepth: {
    fits: (shape) => shape.length === 4 && shape.slice(2).every((size) => size % 2 === 0),
    shape: (draw) => [draw.int(1, 2), draw.int(1, 4), 2 * draw.int(1, 4), 2 * draw.int(1, 4)],
    use: (_draw, shape) => ({ x: [T(shape)], a: { blocksize: 2 } }),
  },
  Resize: { fits: isImage, shape: (draw) => draw.image(), use: resize },
  OneHot: {
    fits: () => false,
    use: (draw) => ({
      x: [
        I(draw.shape().slice(0, 3), draw.pick(["int64", "int32"])),
        C([draw.int(2, 6)], "int64", []),
        W([2]),
      ],
      a: draw.some({ axis: -1 }),
    }),
  },
};
