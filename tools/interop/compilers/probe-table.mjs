/**
 * Operators to probe, as data. A use is {x: inputs, a: attributes, n: number of outputs, opset, domain}; an input is
 *
 * - `T([sizes])`: computed, of the type under test;
 * - `W([sizes])`: a constant of the type under test;
 * - `I([sizes])`: computed, of a type of its own; `C([sizes], values)`: a constant of a type of its own;
 * - `null`: left out.
 *
 * The first use of a row is its base, which is probed in every element type and QDQ form; `rank` makes the base for other ranks.
 */
/**
 * @typedef {import("@slm/onnx").OnnxDType} Dtype
 *
 * An input of a probe, a use of an operator, and a row of the table.
 *
 * @typedef {{ kind: "T" | "W", shape: number[] } | { kind: "I", shape: number[], dtype: Dtype } | { kind: "C", shape: number[], dtype: Dtype, values: number[] }} Input
 * @typedef {Record<string, string | number | number[]>} Attributes
 * @typedef {{ x: (Input | null)[], a?: Attributes, n?: number, opset?: number }} Use
 * @typedef {(rank: number) => Use} OfRank
 * @typedef {{ uses: Use[], rank?: OfRank | undefined, ranks?: number[] | undefined }} Row
 */

/** @type {(shape: number[]) => Input & { kind: "T" }} */
const T = (shape) => ({ kind: "T", shape });
/** @type {(shape: number[]) => Input & { kind: "W" }} */
const W = (shape) => ({ kind: "W", shape });
/** @type {(shape: number[], dtype?: Dtype) => Input} */
const I = (shape, dtype = "int64") => ({ kind: "I", shape, dtype });
/** @type {(values: number[], dtype?: Dtype, shape?: number[]) => Input} */
const C = (values, dtype = "int64", shape = [values.length]) => ({ kind: "C", shape, dtype, values });

const SIZES = [2, 1, 3, 4, 5, 6];
/** Sizes of a tensor with so many axes. */
const sizes = (/** @type {number} */ rank) => SIZES.slice(SIZES.length - rank);

const names = (/** @type {string} */ text) => text.trim().split(/\s+/u);
const base = sizes(4);

/** One input, the same operation at any rank. */
/** @type {(uses?: Partial<Use>[]) => Row} */
const unary = (uses = [{}]) => ({
  uses: uses.map((use) => ({ x: [T(base)], ...use })),
  rank: (rank) => ({ x: [T(sizes(rank))], ...uses[0] }),
});

/** Two inputs that broadcast, computed and constant, in either place. */
/** @type {(uses?: Partial<Use>[]) => Row & { rank: OfRank }} */
const binary = (uses = [{}]) => ({
  uses: uses.flatMap((use) => [
    { x: [T(base), T(base)], ...use },
    { x: [T(base), W([6])], ...use },
    { x: [W([6]), T(base)], ...use },
    { x: [T(base), T([5, 1])], ...use },
    { x: [T([4, 1, 1]), T([3, 1, 5, 6])], ...use },
    { x: [T(base), W([])], ...use },
  ]),
  rank: (rank) => ({ x: [T(sizes(rank)), T(sizes(rank))], ...uses[0] }),
});

/** @type {Row} */
const variadic = {
  uses: [2, 1, 3].map((count) => ({ x: Array.from({ length: count }, () => T(base)) })),
  rank: (rank) => ({ x: [T(sizes(rank)), T(sizes(rank))] }),
};

/** Axes as an input (from `since` on) and as an attribute. */
/** @type {(since: number) => Row} */
const reduce = (since) => ({
  uses: [
    { x: [T(base), C([3])] },
    { x: [T(base), C([-1])], a: { keepdims: 0 } },
    { x: [T(base), C([1, 2])] },
    { x: [T(base), C([0, 1, 2, 3])], a: { keepdims: 0 } },
    { x: [T(base)] },
    { x: [T(base)], a: { noop_with_empty_axes: 1 } },
    { x: [T(base), I([1])] },
    { x: [T(base)], a: { axes: [3] }, opset: since - 1 },
    { x: [T(base)], a: { axes: [1, 2], keepdims: 0 }, opset: since - 1 },
  ],
  rank: (rank) => ({ x: [T(sizes(rank)), C([-1])] }),
});

/** @type {Row} */
const arg = {
  uses: [{}, { axis: 1 }, { axis: -1, keepdims: 0 }, { axis: 3, select_last_index: 1 }].map((a) => ({
    x: [T(base)],
    a,
  })),
  rank: (rank) => ({ x: [T(sizes(rank))], a: { axis: -1 } }),
};

/** @type {(axes: number[], extra?: Use[]) => Row} */
const overAxis = (axes, extra = []) => ({
  uses: [...axes.map((axis) => ({ x: [T(base)], a: { axis } })), { x: [T(base)] }, ...extra],
  rank: (rank) => ({ x: [T(sizes(rank))], a: { axis: -1 } }),
});

const image = (/** @type {number} */ rank, size = 8) => [
  1,
  4,
  ...Array.from({ length: rank - 2 }, () => size),
];
const kernel = (/** @type {number} */ rank) => Array.from({ length: rank - 2 }, () => 3);
const twice = (/** @type {number} */ rank, /** @type {number} */ value) =>
  Array.from({ length: 2 * (rank - 2) }, () => value);
const once = (/** @type {number} */ rank, /** @type {number} */ value) =>
  Array.from({ length: rank - 2 }, () => value);

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

/** @type {(uses: Use[], rank?: OfRank, ranks?: number[]) => Row} */
const moving = (uses, rank, ranks) => ({ uses, rank, ranks });

/** Gathers rows by computed and constant indices. */
const gather = moving(
  [
    { x: [T([8, 6]), I([1, 4])] },
    { x: [T([8, 6]), I([1, 4], "int32")] },
    { x: [T([8, 6]), C([0, 2])] },
    { x: [T([8, 6]), C([0, 2], "int32")] },
    { x: [T([8, 6]), C([1], "int64", [])] },
    { x: [T([8, 6]), C([-1])], a: { axis: 1 } },
    { x: [T([8, 6]), I([], "int64")] },
    { x: [W([8, 6]), I([1, 4])] },
    { x: [W([8, 6]), I([1, 4], "int32")] },
    { x: [T(base), I([2, 2], "int32")], a: { axis: 1 } },
  ],
  (rank) => ({ x: [T(sizes(rank)), I([2], "int32")] }),
  [1, 2, 3, 4, 5, 6],
);

const resize = (
  /** @type {string} */ mode,
  /** @type {string} */ coordinates,
  /** @type {string} */ nearest = "",
) => {
  /** @type {Attributes} */
  const a = {
    mode,
    coordinate_transformation_mode: coordinates,
    ...(nearest === "" ? {} : { nearest_mode: nearest }),
  };
  return [
    { x: [T([1, 4, 8, 8]), null, C([1, 1, 2, 2], "float32")], a },
    { x: [T([1, 4, 8, 8]), null, null, C([1, 4, 4, 12])], a },
  ];
};

/** @type {Readonly<Record<string, Row>>} */
const TABLE = {
  ...Object.fromEntries(
    names(`Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Cos Cosh Dropout Erf Exp Floor HardSwish Identity IsInf IsNaN Log
      Mish Neg Not Reciprocal Relu Round Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh`).map(
      (name) => [name, unary()],
    ),
  ),
  Celu: unary([{}, { a: { alpha: 0.5 } }]),
  Elu: unary([{}, { a: { alpha: 0.5 } }]),
  Gelu: unary([{}, { a: { approximate: "tanh" } }]),
  HardSigmoid: unary([{}, { a: { alpha: 0.3, beta: 0.4 } }]),
  LeakyRelu: unary([{}, { a: { alpha: 0.3 } }]),
  Selu: unary(),
  Shrink: unary(),
  Swish: unary([{ opset: 24 }]),
  ThresholdedRelu: unary([{}, { a: { alpha: 0.3 } }]),
  Hardmax: overAxis([-1, 1]),
  Softmax: overAxis(
    [-1, 1, 3],
    [
      { x: [T(base)], a: { axis: 1 }, opset: 12 },
      { x: [T(base)], a: { axis: 3 }, opset: 12 },
    ],
  ),
  LogSoftmax: overAxis([-1, 1, 3], [{ x: [T(base)], a: { axis: 1 }, opset: 12 }]),
  LpNormalization: overAxis([-1, 1], [{ x: [T(base)], a: { p: 1 } }]),
  CumSum: moving(
    [
      { a: {}, axis: 3 },
      { a: { exclusive: 1 }, axis: 1 },
      { a: { reverse: 1 }, axis: 1 },
      { a: {}, axis: -1 },
    ].map(({ a, axis }) => ({ x: [T(base), C([axis], "int64", [])], a })),
    (rank) => ({ x: [T(sizes(rank)), C([0], "int64", [])] }),
    [1, 2, 3, 4, 5],
  ),

  ...Object.fromEntries(
    names(
      "Add Sub Mul Div Equal Greater Less GreaterOrEqual LessOrEqual And Or Xor BitwiseAnd BitwiseOr BitwiseXor",
    ).map((name) => [name, binary()]),
  ),
  Pow: {
    uses: [
      ...binary().uses,
      { x: [T(base), C([2], "float32", [])] },
      { x: [T(base), C([2], "int64", [])] },
      { x: [T(base), C([0.5], "float32", [1])] },
    ],
    rank: binary().rank,
  },
  Mod: binary([{}, { a: { fmod: 1 } }]),
  BitShift: binary([{ a: { direction: "LEFT" } }, { a: { direction: "RIGHT" } }]),
  PRelu: moving(
    [
      { x: [T([1, 4, 5, 6]), W([4, 1, 1])] },
      { x: [T([1, 4, 5, 6]), W([1])] },
      { x: [T([1, 4, 5, 6]), W([6])] },
      { x: [T([1, 4, 5, 6]), T([4, 1, 1])] },
    ],
    (rank) => ({ x: [T(sizes(rank)), W([1])] }),
    [1, 2, 3, 4, 5],
  ),
  Max: variadic,
  Mean: variadic,
  Min: variadic,
  Sum: variadic,
  Clip: moving(
    [
      { x: [T(base), W([]), W([])] },
      { x: [T(base), W([])] },
      { x: [T(base), null, W([])] },
      { x: [T(base)] },
      { x: [T(base), T([]), T([])] },
      { x: [T(base)], a: { min: 0, max: 6 }, opset: 6 },
    ],
    (rank) => ({ x: [T(sizes(rank)), W([]), W([])] }),
  ),
  Where: moving(
    [
      { x: [I(base, "bool"), T(base), T(base)] },
      { x: [I([5, 6], "bool"), T(base), W([])] },
      { x: [I(base, "bool"), T([6]), T(base)] },
      { x: [C([1, 0, 1, 0, 1, 0], "bool"), T(base), T(base)] },
    ],
    (rank) => ({ x: [I(sizes(rank), "bool"), T(sizes(rank)), T(sizes(rank))] }),
  ),

  ReduceSum: reduce(13),
  ...Object.fromEntries(
    names(
      "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare",
    ).map((name) => [name, reduce(18)]),
  ),
  ArgMax: arg,
  ArgMin: arg,
  TopK: moving(
    [{}, { largest: 0 }, { sorted: 0 }, { axis: 1 }].map((a) => ({ x: [T(base), C([2])], a, n: 2 })),
    (rank) => ({ x: [T(sizes(rank)), C([1])], n: 2 }),
    [1, 2, 3, 4, 5],
  ),

  Reshape: moving(
    [
      { x: [T(base), C([12, 30])] },
      { x: [T(base), C([0, -1])] },
      { x: [T(base), C([3, 4, 5, 6])], a: { allowzero: 1 } },
      { x: [T(base), I([2])] },
    ],
    (rank) => ({ x: [T(sizes(rank)), C([...sizes(rank)].reverse())] }),
  ),
  Transpose: moving(
    [{ perm: [0, 2, 1, 3] }, { perm: [3, 2, 1, 0] }, {}].map((a) => ({ x: [T(base)], a })),
    (rank) => ({ x: [T(sizes(rank))] }),
    [1, 2, 3, 4, 5, 6],
  ),
  Squeeze: moving(
    [
      { x: [T([1, 4, 1, 6]), C([0])] },
      { x: [T([1, 4, 1, 6])] },
      { x: [T([1, 4, 1, 6]), C([-2, 0])] },
      { x: [T([1, 4, 1, 6])], a: { axes: [0] }, opset: 12 },
    ],
    (rank) => ({ x: [T([1, ...sizes(rank - 1)]), C([0])] }),
    [1, 2, 3, 4, 5, 6],
  ),
  Unsqueeze: moving(
    [
      { x: [T([4, 6]), C([0])] },
      { x: [T([4, 6]), C([0, -1])] },
      { x: [T([4, 6])], a: { axes: [0] }, opset: 12 },
      { x: [T([4, 6]), I([1])] },
    ],
    (rank) => ({ x: [T(sizes(rank)), C([0])] }),
    [0, 1, 2, 3, 4, 5],
  ),
  Flatten: moving(
    [{ x: [T(base)] }, { x: [T(base)], a: { axis: 2 } }, { x: [T(base)], a: { axis: 0 } }],
    (rank) => ({ x: [T(sizes(rank))] }),
  ),
  Expand: moving(
    [
      { x: [T([1, 6]), C([4, 6])] },
      { x: [T([6]), C([2, 3, 6])] },
      { x: [T([4, 6]), C([1, 1])] },
      { x: [T([1, 6]), I([2])] },
    ],
    (rank) => ({ x: [T([1, ...sizes(rank - 1)]), C([2, ...sizes(rank - 1)])] }),
    [1, 2, 3, 4, 5, 6],
  ),
  Tile: moving(
    [{ x: [T([4, 6]), C([2, 1])] }, { x: [T([1, 1, 4, 6]), C([1, 3, 1, 1])] }, { x: [T([4, 6]), I([2])] }],
    (rank) => ({ x: [T(sizes(rank)), C(sizes(rank).map(() => 2))] }),
    [1, 2, 3, 4, 5, 6],
  ),
  Concat: moving(
    [
      { x: [T(base), T(base)], a: { axis: 1 } },
      { x: [T(base), T(base), T(base)], a: { axis: -1 } },
      { x: [T(base)], a: { axis: 0 } },
      { x: [T(base), W([3, 1, 5, 6])], a: { axis: 1 } },
    ],
    (rank) => ({ x: [T(sizes(rank)), T(sizes(rank))], a: { axis: 0 } }),
    [1, 2, 3, 4, 5, 6],
  ),
  Split: moving(
    [
      { x: [T(base), C([1, 3])], a: { axis: 1 }, n: 2 },
      { x: [T(base)], a: { axis: 1, num_outputs: 2 }, n: 2, opset: 18 },
      { x: [T(base)], a: { axis: 2, num_outputs: 2 }, n: 2, opset: 18 },
      { x: [T(base)], a: { axis: 1 }, n: 2, opset: 13 },
      { x: [T(base)], a: { axis: 1, split: [1, 3] }, n: 2, opset: 12 },
      { x: [T(base), I([2])], a: { axis: 1 }, n: 2 },
    ],
    (rank) => ({ x: [T(sizes(rank)), C([2, 4])], a: { axis: -1 }, n: 2 }),
    [1, 2, 3, 4, 5, 6],
  ),
  Slice: moving(
    [
      { x: [T(base), C([1]), C([3]), C([2])] },
      { x: [T(base), C([1]), C([3]), C([2]), C([2])] },
      { x: [T(base), C([-1]), C([-9]), C([1]), C([-1])] },
      { x: [T(base), C([0, 0, 0, 1]), C([9, 9, 9, 9])] },
      { x: [T(base), C([1], "int32"), C([3], "int32"), C([2], "int32")] },
      { x: [T(base), I([1]), I([1]), C([2])] },
      { x: [T(base)], a: { axes: [2], starts: [1], ends: [3] }, opset: 9 },
    ],
    (rank) => ({ x: [T(sizes(rank)), C([0]), C([2]), C([-1])] }),
    [1, 2, 3, 4, 5, 6],
  ),
  Gather: gather,
  GatherElements: moving(
    [
      { x: [T([3, 4]), C([0, 1, 2, 0], "int64", [1, 4])] },
      { x: [T([3, 4]), I([1, 4])] },
      { x: [T([3, 4]), I([1, 4], "int32")] },
      { x: [T([3, 4]), C([0, 1, -1], "int64", [3, 1])], a: { axis: 1 } },
    ],
    (rank) => ({ x: [T(sizes(rank)), I(sizes(rank), "int32")] }),
    [1, 2, 3, 4, 5],
  ),
  GatherND: moving(
    [
      { x: [T([3, 4, 6]), C([0, 1, 2, 3], "int64", [2, 2])] },
      { x: [T([3, 4, 6]), I([2, 2])] },
      { x: [T([3, 4, 6]), C([0, 1, 2], "int64", [3, 1])], a: { batch_dims: 1 } },
    ],
    (rank) => ({ x: [T(sizes(rank)), C([0, 1], "int64", [2, 1])] }),
    [1, 2, 3, 4, 5],
  ),
  ScatterElements: moving(
    ["none", "add", "mul", "max", "min"].flatMap((reduction) => [
      { x: [T([3, 4]), C([0, 1, 2, 0], "int64", [1, 4]), T([1, 4])], a: { reduction } },
      { x: [T([3, 4]), I([1, 4], "int32"), T([1, 4])], a: { reduction } },
    ]),
    (rank) => ({ x: [T(sizes(rank)), I(sizes(rank), "int32"), T(sizes(rank))] }),
    [1, 2, 3, 4, 5],
  ),
  ScatterND: moving(
    ["none", "add", "mul", "max", "min"].flatMap((reduction) => [
      { x: [T([4, 6]), C([0, 2], "int64", [2, 1]), T([2, 6])], a: { reduction } },
      { x: [T([4, 6]), I([2, 1]), T([2, 6])], a: { reduction } },
    ]),
    (rank) => ({ x: [T(sizes(rank)), C([0], "int64", [1, 1]), T([1, ...sizes(rank).slice(1)])] }),
    [1, 2, 3, 4, 5],
  ),
  Pad: moving(
    [
      { x: [T(base), C([0, 0, 1, 1, 0, 0, 1, 1]), W([])] },
      { x: [T(base), C([0, 0, 1, 1, 0, 0, 1, 1])] },
      ...["reflect", "edge", "wrap"].map((mode) => ({
        x: [T(base), C([0, 0, 1, 1, 0, 0, 1, 1])],
        a: { mode },
      })),
      { x: [T(base), C([0, 0, -1, 0, 0, 0, 0, -1])] },
      { x: [T(base), C([1, 1]), W([]), C([2])] },
      { x: [T(base), I([8])] },
      { x: [T(base)], a: { pads: [0, 0, 1, 1, 0, 0, 1, 1] }, opset: 10 },
    ],
    (rank) => ({ x: [T(sizes(rank)), C([...sizes(rank), ...sizes(rank)].map(() => 1))] }),
    [1, 2, 3, 4, 5],
  ),
  Trilu: moving(
    [{ x: [T([5, 5])] }, { x: [T([5, 5]), C([1], "int64", [])], a: { upper: 0 } }],
    (rank) => ({ x: [T(sizes(rank))] }),
    [2, 3, 4, 5],
  ),
  DepthToSpace: { uses: ["DCR", "CRD"].map((mode) => ({ x: [T([1, 8, 3, 4])], a: { blocksize: 2, mode } })) },
  SpaceToDepth: { uses: [{ x: [T([1, 2, 4, 6])], a: { blocksize: 2 } }] },
  Resize: {
    uses: [
      ...resize("nearest", "asymmetric", "floor"),
      ...resize("nearest", "half_pixel", "round_prefer_floor"),
      ...resize("nearest", "half_pixel", "round_prefer_ceil"),
      ...resize("nearest", "half_pixel", "ceil"),
      ...resize("nearest", "align_corners", "floor"),
      ...resize("nearest", "pytorch_half_pixel", "floor"),
      ...resize("linear", "half_pixel"),
      ...resize("linear", "align_corners"),
      ...resize("linear", "asymmetric"),
      ...resize("linear", "pytorch_half_pixel"),
      ...resize("cubic", "half_pixel"),
      ...resize("cubic", "align_corners"),
    ],
    rank: (rank) => ({
      x: [T(image(rank)), null, C([1, 1, ...once(rank, 2)], "float32")],
      a: { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
    }),
    ranks: [3, 4, 5],
  },
  Upsample: {
    uses: ["nearest", "linear"].map((mode) => ({
      x: [T([1, 4, 8, 8]), C([1, 1, 2, 2], "float32")],
      a: { mode },
      opset: 9,
    })),
  },
  OneHot: {
    uses: [
      { x: [I([4]), C([6], "int64", []), W([2])] },
      { x: [I([4], "int32"), C([6], "int64", []), W([2])] },
    ],
  },
  ReverseSequence: { uses: [{ x: [T([4, 2, 3]), I([2])] }] },
  Range: { uses: [{ x: [I([], "int64"), I([], "int64"), I([], "int64")] }] },
  Shape: { uses: [{ x: [T(base)] }] },
  NonZero: { uses: [{ x: [T(base)] }] },
  Compress: { uses: [{ x: [T([4, 6]), I([4], "bool")], a: { axis: 0 } }] },
  EyeLike: { uses: [{ x: [T([4, 4])] }] },
  Einsum: {
    uses: [
      { equation: "bij,bjk->bik", x: [T([2, 3, 4]), T([2, 4, 5])] },
      { equation: "ij,jk->ik", x: [T([3, 4]), T([4, 5])] },
      { equation: "bhid,bhjd->bhij", x: [T([1, 2, 3, 4]), T([1, 2, 5, 4])] },
      { equation: "bhwc,hkc->bhwk", x: [T([1, 2, 3, 4]), T([2, 5, 4])] },
      { equation: "ij->ji", x: [T([3, 4])] },
      { equation: "ij,ij->i", x: [T([3, 4]), T([3, 4])] },
      { equation: "bsnh,btnh->bnts", x: [T([1, 3, 2, 4]), T([1, 5, 2, 4])] },
    ].map(({ equation, x }) => ({ x, a: { equation } })),
  },

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

/** Rows by operator; the ranks of a row without `ranks` are 0 to 6. */
export const PROBES = Object.entries(TABLE).map(([name, row]) => {
  const at = name.indexOf(":");
  const [domain, opType] = [name.slice(0, Math.max(0, at)), name.slice(at + 1)];
  const { uses, rank, ranks = rank === undefined ? [] : [0, 1, 2, 3, 4, 5, 6] } = row;
  return { domain, opType, uses, rank, ranks };
});

/** Pairs of types of Cast. */
/** @type {readonly import("@slm/onnx").OnnxDType[]} */
export const CASTS = [
  "float32",
  "float16",
  "bool",
  "int32",
  "uint32",
  "int64",
  "int8",
  "uint8",
  "int16",
  "uint16",
];

/** @typedef {(typeof PROBES)[number]} ProbeRow */
