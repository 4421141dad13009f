/** Random uses of convolutions, pooling, normalizations, matrix products, recurrent layers and casts. */
import { T, W } from "../probe-table/inputs.mjs";
import { atLeast, isImage } from "./draw.mjs";

/** @typedef {import("./draw.mjs").Draw} Draw */
/** @typedef {import("./draw.mjs").Random} Random */
/** @typedef {import("./draw.mjs").RandomRow} RandomRow */
/** @typedef {import("../probe-table/inputs.mjs").Attributes} Attributes */

const image = (/** @type {Draw} */ draw) => draw.image();

/**
 * Kernel, strides, dilations and padding that leave at least one window.
 *
 * @param {Draw} draw
 * @param {number[]} shape
 * @param {{ maxKernel?: number, isPool?: boolean }} [limits]
 */
function windows(draw, shape, { maxKernel = 3, isPool = false } = {}) {
  const sizes = shape.slice(2);
  const even = draw.chance(0.7);
  const kernel0 = draw.int(1, maxKernel);
  const kernel = sizes.map(() => (even ? kernel0 : draw.int(1, maxKernel)));
  const stride = draw.pick([1, 1, 2, 3]);
  const strides = sizes.map(() => (draw.chance(0.85) ? stride : draw.int(1, 3)));
  const dilated = draw.chance(0.2);
  const dilations = sizes.map((size, axis) => (dilated && size >= 2 * (kernel[axis] ?? 1) ? 2 : 1));
  const padding = draw.pick(["none", "pads", "pads", "SAME_UPPER", "SAME_LOWER", "VALID"]);
  const most = (/** @type {number} */ axis) => (isPool ? Math.floor((kernel[axis] ?? 1) / 2) : 2);
  const pads = draw.list(2 * sizes.length, (at) => draw.int(0, Math.max(0, most(at % sizes.length))));
  const padded = padding === "none" ? {} : padding === "pads" ? { pads } : { auto_pad: padding };
  /** @type {Attributes} */
  const a = {
    ...(strides.some((one) => one > 1) || draw.chance(0.3) ? { strides } : {}),
    ...(dilations.some((one) => one > 1) ? { dilations } : {}),
    ...padded,
  };
  return { kernel, a };
}

/** @type {Random} */
const conv = (draw, shape) => {
  const channels = shape[1] ?? 1;
  const groups = [1, 1, channels, ...[2, 3, 4].filter((count) => channels % count === 0)];
  const group = draw.pick(groups);
  const outputs = group * draw.pick(group === channels ? [1, 1, 2] : [1, 2, 3]);
  const { kernel, a } = windows(draw, shape, { maxKernel: shape.length === 5 ? 3 : 5 });
  const fitting = kernel.map((size, axis) => Math.min(size, shape[axis + 2] ?? 1));
  const sizes = [outputs, channels / group, ...fitting];
  const bias = draw.pick([[], [W([outputs])], [W([outputs])], [T([outputs])]]);
  return {
    x: [T(shape), draw.chance(0.85) ? W(sizes) : T(sizes), ...bias],
    a: { ...a, ...(group > 1 ? { group } : {}), ...draw.some({ kernel_shape: fitting }) },
  };
};

/** @type {Random} */
const convTranspose = (draw, shape) => {
  const channels = shape[1] ?? 1;
  const group = draw.pick([1, 1, 1, channels, ...(channels % 2 === 0 ? [2] : [])]);
  const outputs = draw.int(1, 4);
  const { kernel, a } = windows(draw, shape);
  const strides = /** @type {number[]} */ (a["strides"] ?? kernel.map(() => 1));
  const isExplicit = a["auto_pad"] === undefined;
  const extra = isExplicit && strides.some((one) => one > 1) && draw.chance(0.2);
  const sizes = [channels, outputs, ...kernel];
  const bias = draw.pick([[], [W([outputs * group])], [T([outputs * group])]]);
  return {
    x: [T(shape), draw.chance(0.9) ? W(sizes) : T(sizes), ...bias],
    a: {
      ...a,
      ...(group > 1 ? { group } : {}),
      ...(extra ? { output_padding: strides.map((one) => one - 1) } : {}),
    },
  };
};

/** @type {(attributes: (draw: Draw, opset: number) => Attributes, since?: number) => RandomRow} */
const pool = (attributes, since = 13) => ({
  since,
  fits: isImage,
  shape: image,
  use: (draw, shape, opset) => {
    const { kernel, a } = windows(draw, shape, { isPool: true });
    const isOld = opset < 19 && a["dilations"] !== undefined;
    const { dilations: _, ...without } = a;
    const ceil = draw.chance(0.2) ? { ceil_mode: 1 } : {};
    return {
      x: [T(shape)],
      a: { kernel_shape: kernel, ...(isOld ? without : a), ...ceil, ...attributes(draw, opset) },
    };
  },
});

/** @type {RandomRow} */
const global = { fits: isImage, shape: image, use: (_draw, shape) => ({ x: [T(shape)] }) };

/** @type {(draw: Draw) => number[]} */
const matrix = (draw) => [
  ...draw.list(draw.pick([0, 0, 1, 1, 2, 3]), () => draw.int(1, 3)),
  draw.int(1, 8),
  draw.int(2, 16),
];

/** @type {Random} */
const matMul = (draw, shape) => {
  const depth = shape.at(-1) ?? 1;
  const columns = draw.int(1, 12);
  const batch = shape.slice(0, -2);
  const other = draw.pick([
    [depth, columns],
    [depth, columns],
    [...batch, depth, columns],
    [...batch.map((size) => (draw.chance(0.3) ? 1 : size)), depth, columns],
    ...(draw.chance(0.2) ? [[depth], [draw.int(1, 3), ...batch, depth, columns]] : []),
  ]);
  return { x: [T(shape), draw.chance(0.6) ? W(other) : T(other)] };
};

/** @type {Random} */
const gemm = (draw, [rows = 1, columns = 1]) => {
  const [transA, transB] = [draw.chance(0.2) ? 1 : 0, draw.chance(0.4) ? 1 : 0];
  const [height, depth] = transA === 1 ? [columns, rows] : [rows, columns];
  const width = draw.int(1, 12);
  const weight = transB === 1 ? [width, depth] : [depth, width];
  const bias = draw.pick([
    [],
    [W([width])],
    [W([width])],
    [T([width])],
    [W([1, width])],
    [W([height, width])],
  ]);
  const factors = draw.chance(0.1) ? draw.some({ alpha: 0.5, beta: 0.5 }) : {};
  return {
    x: [T([rows, columns]), draw.chance(0.8) ? W(weight) : T(weight), ...bias],
    a: { ...(transA === 1 ? { transA } : {}), ...(transB === 1 ? { transB } : {}), ...factors },
  };
};

/** @type {(count: number, since: number) => RandomRow} */
const norm = (count, since) => ({
  since,
  fits: atLeast(1),
  shape: (draw) => [...draw.shape(), draw.int(2, 16)].slice(-4),
  use: (draw, shape) => {
    const axis = draw.chance(0.8) ? shape.length - 1 : draw.int(0, shape.length - 1);
    const scale = shape.slice(axis);
    const isGiven = axis < shape.length - 1 || draw.chance(0.5);
    const rest = count === 2 && draw.chance(0.7) ? [W(scale)] : [];
    return {
      x: [T(shape), draw.chance(0.9) ? W(scale) : T(scale), ...rest],
      a: { ...(isGiven ? { axis: draw.signed(axis, shape.length) } : {}), ...draw.some({ epsilon: 1e-3 }) },
    };
  },
});

/** @type {(inputs: number) => (draw: Draw, shape: number[]) => import("./draw.mjs").Use["x"]} */
const perChannel = (inputs) => (draw, shape) => {
  const isConstant = draw.chance(0.9);
  return [T(shape), ...draw.list(inputs, () => (isConstant ? W([shape[1] ?? 1]) : T([shape[1] ?? 1])))];
};

/** @type {(gates: number) => RandomRow} */
const recurrent = (gates) => ({
  fits: () => false,
  shape: (draw) => [draw.int(1, 5), draw.int(1, 2), draw.int(1, 6)],
  use: (draw, shape) => {
    const direction = draw.pick(["forward", "forward", "reverse", "bidirectional"]);
    const [d, hidden, width = 1] = [direction === "bidirectional" ? 2 : 1, draw.int(1, 5), shape[2]];
    const bias = draw.chance(0.5) ? [W([d, 2 * gates * hidden])] : [];
    const x = [T(shape), W([d, gates * hidden, width]), W([d, gates * hidden, hidden]), ...bias];
    return { x, a: { hidden_size: hidden, ...draw.some({ direction }), direction }, n: draw.int(1, 2) };
  },
});

// cspell:ignore bhid bhij bhjd bhwc bhwk bhidjkwc
/** Products of matrices in the spellings of exporters. */
const EQUATIONS = [
  { equation: "ij,jk->ik", ranks: ["ij", "jk"] },
  { equation: "bij,bjk->bik", ranks: ["bij", "bjk"] },
  { equation: "bhid,bhjd->bhij", ranks: ["bhid", "bhjd"] },
  { equation: "bhij,bhjd->bhid", ranks: ["bhij", "bhjd"] },
  { equation: "bhwc,hkc->bhwk", ranks: ["bhwc", "hkc"] },
  { equation: "bhwc,wkc->bhwk", ranks: ["bhwc", "wkc"] },
  { equation: "ij->ji", ranks: ["ij"] },
];

/** @type {Random} */
const einsum = (draw) => {
  const { equation, ranks } = draw.pick(EQUATIONS);
  const sizes = new Map("bhidjkwc".split("").map((letter) => [letter, draw.int(1, 5)]));
  return {
    x: ranks.map((letters) => T(letters.split("").map((letter) => sizes.get(letter) ?? 1))),
    a: { equation },
  };
};

/** @type {Random} */
const gridSample = (draw, shape, opset) => {
  const modes = opset >= 20 ? ["linear", "nearest", "cubic"] : ["bilinear", "nearest", "bicubic"];
  const a = draw.some({
    mode: draw.pick(modes),
    padding_mode: draw.pick(["zeros", "border", "reflection"]),
    align_corners: draw.int(0, 1),
  });
  return { x: [T(shape), T([shape[0] ?? 1, draw.int(1, 6), draw.int(1, 6), 2])], a };
};

/** @type {Random} */
const groupNorm = (draw, shape) => {
  const channels = shape[1] ?? 1;
  const groups = draw.list(channels, (index) => index + 1).filter((count) => channels % count === 0);
  return { x: [T(shape), W([channels]), W([channels])], a: { num_groups: draw.pick(groups) } };
};

const isPicture = (/** @type {readonly number[]} */ shape) => shape.length === 4 && isImage(shape);
const picture = (/** @type {Draw} */ draw) => [
  draw.int(1, 2),
  draw.int(1, 4),
  draw.int(4, 10),
  draw.int(4, 10),
];

/** Codes of ONNX's element types: float32, uint8, int32, int64, bool, float16. */
const CAST_CODES = [1, 2, 6, 7, 9, 10];

/** @type {Readonly<Record<string, RandomRow>>} */
export const LAYERS = {
  Conv: { fits: isImage, shape: image, use: conv },
  ConvTranspose: { fits: isImage, shape: image, use: convTranspose },
  MaxPool: pool(() => ({})),
  AveragePool: pool((draw) => draw.some({ count_include_pad: draw.int(0, 1) })),
  LpPool: pool((draw) => draw.some({ p: draw.int(1, 3) }), 18),
  GlobalAveragePool: global,
  GlobalMaxPool: global,
  GlobalLpPool: global,
  BatchNormalization: {
    fits: isImage,
    shape: image,
    use: (draw, shape) => ({ x: perChannel(4)(draw, shape) }),
  },
  InstanceNormalization: {
    fits: isImage,
    shape: image,
    use: (draw, shape) => ({ x: perChannel(2)(draw, shape) }),
  },
  GroupNormalization: { since: 21, fits: isImage, shape: image, use: groupNorm },
  LayerNormalization: norm(2, 17),
  RMSNormalization: norm(1, 23),
  SimplifiedLayerNormalization: norm(1, 13),
  LRN: {
    fits: isPicture,
    shape: picture,
    use: (draw, shape) => ({ x: [T(shape)], a: { size: draw.int(1, 6) } }),
  },
  MatMul: { fits: atLeast(2), shape: matrix, use: matMul },
  Gemm: {
    fits: (shape) => shape.length === 2,
    shape: (draw) => [draw.int(1, 8), draw.int(2, 16)],
    use: gemm,
  },
  Einsum: { fits: () => false, use: einsum },
  GRU: recurrent(3),
  LSTM: recurrent(4),
  GridSample: { since: 16, fits: isPicture, shape: picture, use: gridSample },
  Attention: {
    since: 23,
    fits: () => false,
    use: (draw) => {
      const [heads, length, keys, depth] = [
        draw.int(1, 4),
        draw.int(1, 6),
        draw.int(1, 6),
        2 * draw.int(1, 4),
      ];
      const of = (/** @type {number} */ rows) => T([1, heads, rows, depth]);
      return { x: [of(length), of(keys), of(keys)], a: draw.some({ is_causal: draw.int(0, 1) }) };
    },
  },
  RotaryEmbedding: {
    since: 23,
    fits: () => false,
    use: (draw) => {
      const [heads, length, depth] = [draw.int(1, 4), draw.int(1, 6), draw.int(1, 4)];
      const table = [1, length, depth];
      return {
        x: [T([1, heads, length, 2 * depth]), W(table), W(table)],
        a: draw.some({ interleaved: draw.int(0, 1) }),
      };
    },
  },
  Cast: { use: (draw, shape) => ({ x: [T(shape)], a: { to: draw.pick(CAST_CODES) } }) },
};
