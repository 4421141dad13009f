/** Convolutions, pooling, normalizations, matrix products, recurrent layers and fused operators of ONNX Runtime. */
import { C, T, W, base, image, kernel, once, sizes, twice } from "./inputs.mjs";
import { unary } from "./elementwise.mjs";

/**
 * @typedef {import("./inputs.mjs").Input} Input
 * @typedef {import("./inputs.mjs").Row} Row
 * @typedef {import("./inputs.mjs").Use} Use
 */

/** @type {(extra: Partial<Use>[]) => Row} */
const pool = (extra) => ({
  uses: [
    { a: { kernel_shape: [3, 3] } },
    { a: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } },
    { a: { kernel_shape: [2, 2], strides: [2, 2] } },
    { a: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 } },
    { a: { kernel_shape: [3, 3], strides: [2, 2], auto_pad: "SAME_UPPER" } },
    { a: { kernel_shape: [3, 3], strides: [2, 2], auto_pad: "SAME_LOWER" } },
    { a: { kernel_shape: [3, 3], auto_pad: "VALID" } },
    { a: { kernel_shape: [2, 2], dilations: [2, 2] } },
    ...extra,
  ].map((use) => ({ x: [T(image(4))], ...use })),
  rank: (rank) => ({ x: [T(image(rank))], a: { kernel_shape: kernel(rank) } }),
  ranks: [3, 4, 5],
});

/** @type {Row} */
const global = { uses: [{ x: [T(image(4))] }], rank: (rank) => ({ x: [T(image(rank))] }), ranks: [3, 4, 5] };

/** @type {Row} */
const conv = {
  uses: [
    { x: [T(image(4)), W([6, 4, 3, 3]), W([6])] },
    { x: [T(image(4)), W([6, 4, 3, 3])] },
    { x: [T(image(4)), T([6, 4, 3, 3])] },
    { x: [T(image(4)), T([6, 4, 3, 3]), T([6])] },
    { x: [T(image(4)), W([6, 4, 3, 3]), T([6])] },
    { x: [T(image(4)), W([6, 4, 3, 3]), W([6])], a: { pads: [1, 1, 1, 1], strides: [2, 2] } },
    { x: [T(image(4)), W([6, 4, 3, 3]), W([6])], a: { dilations: [2, 2] } },
    { x: [T(image(4)), W([6, 4, 3, 3]), W([6])], a: { auto_pad: "SAME_UPPER" } },
    { x: [T(image(4)), W([6, 4, 3, 3]), W([6])], a: { auto_pad: "SAME_LOWER" } },
    { x: [T(image(4)), W([6, 4, 3, 3]), W([6])], a: { auto_pad: "VALID" } },
    { x: [T(image(4)), W([4, 1, 3, 3]), W([4])], a: { group: 4 } },
    { x: [T(image(4)), W([8, 2, 3, 3]), W([8])], a: { group: 2 } },
    { x: [T(image(4)), W([6, 4, 1, 1]), W([6])] },
    { x: [T(image(3)), W([6, 4, 3]), W([6])], a: { dilations: [2] } },
    { x: [T(image(3)), T([6, 4, 3])] },
    { x: [T(image(3)), W([4, 1, 3]), W([4])], a: { group: 4 } },
    { x: [T(image(5)), W([4, 1, 3, 3, 3]), W([4])], a: { group: 4 } },
  ],
  rank: (rank) => ({ x: [T(image(rank)), W([6, 4, ...kernel(rank)]), W([6])], a: { pads: twice(rank, 1) } }),
  ranks: [3, 4, 5],
};

/** @type {Row} */
const convTranspose = {
  uses: [
    { x: [T(image(4)), W([4, 6, 3, 3]), W([6])] },
    { x: [T(image(4)), W([4, 6, 3, 3])] },
    { x: [T(image(4)), T([4, 6, 3, 3])] },
    { x: [T(image(4)), W([4, 6, 3, 3])], a: { strides: [2, 2], output_padding: [1, 1] } },
    { x: [T(image(4)), W([4, 6, 3, 3])], a: { strides: [2, 2], pads: [1, 1, 1, 1] } },
    { x: [T(image(4)), W([4, 6, 3, 3])], a: { dilations: [2, 2] } },
    { x: [T(image(4)), W([4, 6, 3, 3])], a: { strides: [2, 2], output_shape: [16, 16] } },
    { x: [T(image(4)), W([4, 6, 3, 3])], a: { auto_pad: "SAME_UPPER", strides: [2, 2] } },
    { x: [T(image(4)), W([4, 1, 3, 3])], a: { group: 4 } },
    { x: [T(image(4)), W([4, 3, 3, 3])], a: { group: 2 } },
  ],
  rank: (rank) => ({
    x: [T(image(rank)), W([4, 6, ...kernel(rank)]), W([6])],
    a: { strides: once(rank, 2) },
  }),
  ranks: [3, 4, 5],
};

/** @type {Row} */
const matMul = {
  uses: [
    { x: [T([1, 8, 16]), W([16, 12])] },
    { x: [T([8, 16]), W([16, 12])] },
    { x: [T([8, 16]), T([16, 12])] },
    { x: [T([1, 8, 16]), T([1, 16, 12])] },
    { x: [T([1, 2, 8, 16]), T([1, 2, 16, 12])] },
    { x: [T([1, 2, 8, 16]), W([1, 2, 16, 12])] },
    { x: [T([2, 8, 16]), W([2, 16, 12])] },
    { x: [T([1, 2, 8, 16]), T([16, 12])] },
    { x: [T([2, 3, 8, 16]), T([3, 16, 12])] },
    { x: [W([8, 16]), T([16, 12])] },
    { x: [T([16]), W([16, 12])] },
    { x: [T([8, 16]), W([16])] },
    { x: [T([1, 8, 16]), T([16])] },
    { x: [T([16]), T([16])] },
    { x: [T([8, 16]), T([1, 2, 16, 12])] },
  ],
  rank: (rank) => ({ x: [T([...sizes(rank - 1), 16]), T([...sizes(rank - 1).slice(0, -1), 16, 12])] }),
  ranks: [2, 3, 4, 5, 6],
};

/** @type {Row} */
const gemm = {
  uses: [
    { x: [T([8, 16]), W([16, 12]), W([12])] },
    { x: [T([8, 16]), W([12, 16]), W([12])], a: { transB: 1 } },
    { x: [T([8, 16]), W([16, 12])] },
    { x: [T([16, 8]), W([16, 12]), W([12])], a: { transA: 1 } },
    { x: [T([8, 16]), T([16, 12])] },
    { x: [T([8, 16]), T([12, 16]), T([12])], a: { transB: 1 } },
    { x: [T([8, 16]), W([16, 12]), W([1, 12])] },
    { x: [T([8, 16]), W([16, 12]), W([8, 12])] },
    { x: [T([8, 16]), W([16, 12]), W([8, 1])] },
    { x: [T([8, 16]), W([16, 12]), W([])] },
    { x: [T([8, 16]), W([16, 12]), T([8, 12])] },
    { x: [T([8, 16]), W([16, 12]), W([12])], a: { alpha: 0.5 } },
    { x: [T([8, 16]), W([16, 12]), W([12])], a: { beta: 0.5 } },
  ],
};

/** @type {(parameters: (shape: number[]) => (Input & { kind: "W" })[]) => Row} */
const norm = (parameters) => ({
  uses: [
    { x: [T([1, 8, 16]), ...parameters([16])] },
    { x: [T([1, 8, 16]), ...parameters([16])], a: { axis: -1, epsilon: 1e-3 } },
    { x: [T([1, 8, 16]), ...parameters([16])], a: { axis: 2 } },
    { x: [T([1, 8, 16]), ...parameters([8, 16])], a: { axis: 1 } },
    { x: [T([1, 8, 16]), ...parameters([16]).slice(0, 1)] },
    { x: [T([1, 8, 16]), ...parameters([16]).map(({ shape }) => T(shape))] },
  ],
  rank: (rank) => ({ x: [T([...sizes(rank - 1), 16]), ...parameters([16])] }),
  ranks: [1, 2, 3, 4, 5],
});

/** @type {(gates: number, states: number) => Row} */
const recurrent = (gates, states) => ({
  uses: ["forward", "reverse", "bidirectional"].flatMap((direction) => {
    const d = direction === "bidirectional" ? 2 : 1;
    const x = [T([5, 1, 4]), W([d, gates * 3, 4]), W([d, gates * 3, 3])];
    const rest = [W([d, 2 * gates * 3]), null, ...Array.from({ length: states }, () => T([d, 1, 3]))];
    const a = { hidden_size: 3, direction };
    return [
      { x, a, n: 2 },
      { x: [...x, ...rest], a, n: states + 1 },
    ];
  }),
});

/** @type {Readonly<Record<string, Row>>} */
export const LAYERS = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool([{ a: { kernel_shape: [3, 3] }, n: 2 }, { a: { kernel_shape: [2, 2], storage_order: 1 } }]),
  AveragePool: pool([
    { a: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 } },
    { a: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1, count_include_pad: 1, pads: [1, 1, 1, 1] } },
  ]),
  LpPool: pool([]),
  GlobalAveragePool: global,
  GlobalMaxPool: global,
  GlobalLpPool: global,
  BatchNormalization: {
    uses: [
      { x: [T(image(4)), W([4]), W([4]), W([4]), W([4])] },
      { x: [T(image(4)), T([4]), T([4]), T([4]), T([4])] },
      { x: [T(image(4)), W([4]), W([4]), W([4]), W([4])], opset: 9 },
      { x: [T(image(4)), W([4]), W([4]), W([4]), W([4])], a: { training_mode: 1 }, n: 3 },
    ],
    rank: (rank) => ({ x: [T(image(rank)), W([4]), W([4]), W([4]), W([4])] }),
    ranks: [2, 3, 4, 5],
  },
  InstanceNormalization: {
    uses: [{ x: [T(image(4)), W([4]), W([4])] }, { x: [T(image(4)), T([4]), T([4])] }],
    rank: (rank) => ({ x: [T(image(rank)), W([4]), W([4])] }),
    ranks: [3, 4, 5],
  },
  GroupNormalization: { uses: [{ x: [T(image(4)), W([4]), W([4])], a: { num_groups: 2 } }] },
  LayerNormalization: norm((shape) => [W(shape), W(shape)]),
  RMSNormalization: (() => {
    const row = norm((shape) => [W(shape)]);
    return {
      uses: row.uses.map((use) => ({ ...use, opset: 23 })),
      rank: (rank) => ({ x: [], ...row.rank?.(rank), opset: 23 }),
      ranks: row.ranks,
    };
  })(),
  SimplifiedLayerNormalization: norm((shape) => [W(shape)]),
  LRN: {
    uses: [
      { x: [T(image(4))], a: { size: 3 } },
      { x: [T(image(4))], a: { size: 4 } },
    ],
  },
  MeanVarianceNormalization: { uses: [{ x: [T(image(4))] }] },
  MatMul: matMul,
  Gemm: gemm,
  LSTM: recurrent(4, 2),
  GRU: recurrent(3, 1),
  RNN: recurrent(1, 1),
  GridSample: {
    uses: [
      { opset: 16, a: { mode: "bilinear" } },
      { opset: 16, a: { mode: "nearest", padding_mode: "border" } },
      { opset: 16, a: { mode: "bilinear", padding_mode: "reflection", align_corners: 1 } },
      { opset: 16, a: { mode: "bicubic" } },
      { opset: 20, a: { mode: "linear" } },
      { opset: 20, a: { mode: "nearest" } },
      { opset: 20, a: { mode: "cubic" } },
    ].map((use) => ({ x: [T(image(4)), T([1, 5, 6, 2])], ...use })),
  },
  RoiAlign: {
    uses: [{ x: [T(image(4)), T([2, 4]), C([0, 0])], a: { output_height: 2, output_width: 2 }, opset: 16 }],
  },
  Attention: { uses: [{ x: [T([1, 2, 5, 8]), T([1, 2, 5, 8]), T([1, 2, 5, 8])], opset: 23 }] },
  RotaryEmbedding: { uses: [{ x: [T([1, 2, 5, 8]), W([1, 5, 4]), W([1, 5, 4])], opset: 23 }] },
  STFT: { uses: [{ x: [T([1, 64, 1]), C([16], "int64", []), W([32])] }] },
  RandomUniformLike: unary(),
  RandomNormalLike: unary(),

  "com.microsoft:FusedMatMul": {
    uses: [
      { x: [T([1, 8, 16]), W([16, 12])] },
      { x: [T([1, 8, 16]), T([1, 12, 16])], a: { transB: 1, alpha: 0.5 } },
    ],
  },
  "com.microsoft:Gelu": unary(),
  "com.microsoft:QuickGelu": unary([{}, { a: { alpha: 1 } }]),
  "com.microsoft:FastGelu": unary(),
  "com.microsoft:BiasGelu": { uses: [{ x: [T(base), W([6])] }] },
  "com.microsoft:Inverse": { uses: [{ x: [T([2, 4, 4])] }] },
  "com.microsoft:SkipLayerNormalization": { uses: [{ x: [T([1, 8, 16]), T([1, 8, 16]), W([16]), W([16])] }] },
  "com.microsoft:SkipSimplifiedLayerNormalization": {
    uses: [{ x: [T([1, 8, 16]), T([1, 8, 16]), W([16])] }],
  },
  "com.microsoft:MultiHeadAttention": {
    uses: [{ x: [T([1, 5, 16]), T([1, 5, 16]), T([1, 5, 16])], a: { num_heads: 2 } }],
  },
};
