/** Profile `qnn`: Qualcomm's Hexagon tensor processor through ONNX Runtime's QNN provider. */
import {
  TWO_GIGABYTES,
  type OperatorSupport,
  type OperatorRules,
  type QuantizationRules,
} from "./profile.js";
import { QNN_SIGNATURES } from "./qnn-signatures.js";
import { operatorsOf, words } from "./signatures.js";

const LAST_AXIS = { axis: { allowed: "last-axis", missing: -1 } } as const;
const NO_DILATIONS = { dilations: { allowed: "ones", missing: 1 } } as const;
const GIVEN_AXES = { noop_with_empty_axes: { allowed: [0], missing: 0, without: 1 } } as const;

/** Source types that a Cast supports, by target type. */
const CAST_TARGETS = ["float32", "float16", "bool", "int32", "uint32"] as const;

const CASTS: OperatorSupport["casts"] = {
  float32: [...CAST_TARGETS, "uint8"],
  float16: ["float32", "float16", "int32"],
  bool: [...CAST_TARGETS, "uint8"],
  int32: [...CAST_TARGETS, "int64", "uint8"],
  uint32: ["float32", "bool", "int32", "uint32", "int64", "uint8"],
  int64: [...CAST_TARGETS, "int64", "uint8"],
  uint8: [...CAST_TARGETS, "uint8"],
  int16: ["int32"],
};

const REDUCTION: OperatorSupport = { constantInputs: [1], attributes: GIVEN_AXES };

/** Types of weights for each type of activations, if the device does not support every pair. */
const NARROW = ["uint8", "int8", "int4", "uint4"] as const;
const MATRIX_WEIGHTS = {
  weightsOf: { uint8: NARROW, int8: NARROW, int16: ["int8", "int4"] },
  channelWeightsOf: {
    uint8: ["uint8", "int8", "int4"],
    int8: ["int8"],
    uint16: ["uint8", "int8", "int16", "int4"],
    int16: ["int8", "int4"],
  },
} as const;
const INT4 = ["int4", "uint4"] as const;
const SYMMETRIC = { uint16: 32_768, int16: 0 } as const;
const UNSIGNED = ["uint8", "uint16"] as const;

const NOT_NEAREST = { allowed: ["linear", "cubic"], missing: "nearest" } as const;
const UP_TO_4 = { allowed: [0, 1, 2, 3, 4], missing: 0 } as const;
const RANK_4 = { allowed: [4], missing: 0 } as const;

/** Values of `nearest_mode` and `coordinate_transformation_mode` that go together, in the form of `combinations`. */
const NEAREST: OperatorSupport["combinations"] = [
  {
    mode: NOT_NEAREST,
    nearest_mode: { allowed: ["floor", "round_prefer_ceil"], missing: "round_prefer_floor" },
    coordinate_transformation_mode: {
      allowed: ["half_pixel", "pytorch_half_pixel", "align_corners"],
      missing: "half_pixel",
    },
  },
  {
    mode: NOT_NEAREST,
    rank: RANK_4,
    nearest_mode: { allowed: ["floor"], missing: "round_prefer_floor" },
  },
  {
    mode: NOT_NEAREST,
    rank: RANK_4,
    coordinate_transformation_mode: { allowed: ["half_pixel", "asymmetric"], missing: "half_pixel" },
  },
];

/** Gathering along the first axis supports one axis less. */
const FIRST_AXIS: OperatorSupport["combinations"] = [
  {
    rank: UP_TO_4,
    axis: { allowed: [1, 2, 3, 4, -1, -2, -3], missing: 0 },
  },
];

const DILATED: OperatorSupport["combinations"] = [
  { ...NO_DILATIONS, auto_pad: { allowed: ["NOTSET", "VALID"], missing: "NOTSET" } },
  { ...NO_DILATIONS, rank: { allowed: [3, 4], missing: 0 } },
];

// cspell:ignore abce abde abed

/**
 * Conditions of single operators, in addition to element types and ranks. Source: onnxruntime-qnn 2.7.0, soc 60, tested with `npm run
 * interop:compilers`.
 */
const LIMITED: Readonly<Record<string, OperatorSupport>> = {
  Attention: { inputTypes: { 3: ["float32", "float16"] }, absentInputs: [6] },
  ArgMax: { attributes: { select_last_index: { allowed: [0], missing: 0 } } },
  ArgMin: { attributes: { select_last_index: { allowed: [0], missing: 0 } } },
  AveragePool: { widestGap: 1, attributes: NO_DILATIONS, fullWindows: true },
  BatchNormalization: {
    constantInputs: [1, 2, 3, 4],
    attributes: { training_mode: { allowed: [0], missing: 0 } },
    weightsOf: { uint8: ["uint8"], int8: ["int8"], uint16: ["uint8"] },
  },
  Cast: {
    casts: CASTS,
    // Not 9, bool.
    combinations: [{ rank: UP_TO_4, to: { allowed: [1, 2, 3, 4, 5, 6, 7, 10, 12, 13], missing: 0 } }],
  },
  CastLike: { casts: CASTS },
  Clip: {
    constantInputs: [1, 2],
    weightsOf: {
      uint8: ["uint8", "int8"],
      int8: ["uint8", "int8"],
      uint16: ["uint8", "int8", "uint16", "int16"],
    },
  },
  Conv: {
    widestGap: 1,
    zeroPointOf: { int16: 0 },
    wholeUnits: "always",
    ...MATRIX_WEIGHTS,
    channelScales: INT4,
    combinations: DILATED,
  },
  ConvTranspose: {
    zeroPointOf: { int16: 0 },
    widestGap: 0,
    wholeUnits: "always",
    attributes: NO_DILATIONS,
    ...MATRIX_WEIGHTS,
    channelScales: INT4,
  },
  CumSum: {
    constantInputs: [1],
    attributes: { exclusive: { allowed: [0], missing: 0 }, reverse: { allowed: [0], missing: 0 } },
  },
  Einsum: {
    wholeUnits: "always",
    zeroPointOf: SYMMETRIC,
    equations: ["ab,bc->ac", "abc,acd->abd", "abcd,abde->abce", "abcd,abed->abce", "abcd,bed->abce"],
    floatEquations: ["abcd,ced->abce"],
  },
  Erf: { moduleOf: "erf-gelu" },
  Expand: { constantInputs: [1], filledInputs: [1] },
  Gather: { combinations: FIRST_AXIS },
  GatherElements: { combinations: FIRST_AXIS },
  GatherND: { attributes: { batch_dims: { allowed: [0], missing: 0 } } },
  Gemm: {
    wholeUnits: "always",
    zeroPointOf: SYMMETRIC,
    attributes: { beta: { allowed: [1], missing: 1 }, alpha: { allowed: [1], missing: 1 } },
    ...MATRIX_WEIGHTS,
  },
  GreaterOrEqual: { since: 16 },
  GroupNormalization: { onlyLast: true },
  GRU: { attributes: { layout: { allowed: [0], missing: 0 } } },
  GridSample: { attributes: { mode: { allowed: ["bilinear", "linear", "nearest"], missing: "linear" } } },
  LRN: { attributes: { size: { allowed: [1, 3, 5, 7, 9, 11], missing: 0 } } },
  LSTM: { absentInputs: [7], attributes: { layout: { allowed: [0], missing: 0 } } },
  LayerNormalization: {
    attributes: LAST_AXIS,
    outputCount: 1,
    weightsOf: { uint8: UNSIGNED, uint16: UNSIGNED },
    pairWeightsOf: { uint8: ["uint8"], int8: ["int8"], uint16: ["uint8"], int16: [] },
  },
  LessOrEqual: { since: 16 },
  LpNormalization: { attributes: { p: { allowed: [2], missing: 2 } } },
  LpPool: {
    widestGap: 1,
    attributes: {
      p: { allowed: [1, 2], missing: 2 },
      ...NO_DILATIONS,
      ceil_mode: { allowed: [0], missing: 0 },
    },
  },
  MatMul: { ...MATRIX_WEIGHTS, zeroPointOf: { int16: 0 }, sameBatchFrom: 5 },
  Max: { minInputs: 2 },
  MaxPool: {
    widestGap: 1,
    attributes: NO_DILATIONS,
    outputCount: 1,
    fullWindows: true,
    wholeUnits: "output",
  },
  Mish: { wholeUnits: "always" },
  Mean: { minInputs: 2 },
  Min: { minInputs: 2 },
  Mod: { attributes: { fmod: { allowed: [0], missing: 0 } } },
  Pad: {
    constantInputs: [1, 2],
    absentInputs: [3],
    weight: 2,
    weightsOf: { uint8: ["uint8"], int8: ["int8"], uint16: ["uint16"] },
    attributes: { mode: { allowed: ["constant", "reflect", "edge"], missing: "constant" } },
    combinations: [
      {
        rank: UP_TO_4,
        mode: { allowed: ["constant"], missing: "constant" },
      },
    ],
  },
  OneHot: { plainConstants: [2] },
  Pow: {
    widestInput: 4,
    inputTypes: { 1: ["float32", "float16"] },
  },
  RMSNormalization: {
    minLastSize: 2,
    attributes: LAST_AXIS,
    weightsOf: { uint8: ["uint8"], uint16: [...UNSIGNED, "int16"] },
  },
  Reciprocal: { wholeUnits: "always" },
  ReduceL2: REDUCTION,
  ReduceLogSumExp: REDUCTION,
  ReduceMax: REDUCTION,
  ReduceMean: REDUCTION,
  ReduceMin: REDUCTION,
  ReduceSum: REDUCTION,
  Reshape: { wholeUnits: "output" },
  Resize: {
    constantInputs: [2],
    attributes: {
      antialias: { allowed: [0], missing: 0 },
      coordinate_transformation_mode: {
        allowed: ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"],
        missing: "half_pixel",
      },
    },
    combinations: NEAREST,
    wholeSizesFor: ["cubic"],
  },
  RoiAlign: { attributes: { mode: { allowed: ["avg"], missing: "avg" } } },
  ScatterElements: { attributes: { reduction: { allowed: ["none"], missing: "none" } } },
  ScatterND: {
    maxDepth: 4,
    widestInput: 4,
    attributes: { reduction: { allowed: ["none", "add", "mul"], missing: "none" } },
  },
  SimplifiedLayerNormalization: {
    minLastSize: 2,
    attributes: LAST_AXIS,
    weightsOf: { uint8: ["uint8"], uint16: [...UNSIGNED, "int16"] },
  },
  Slice: { constantInputs: [1, 2, 3, 4], unitSteps: ["int32", "int64"], wholeUnits: "output" },
  Split: { constantInputs: [1], minOutputsOf: { int64: 2 } },
  Squeeze: { wholeUnits: "output" },
  Sum: { minInputs: 2 },
  Tile: { constantInputs: [1] },
  TopK: { constantInputs: [1], attributes: { axis: { allowed: [-1, 0, 1, 2, 3], missing: -1 } } },
  Transpose: { wholeUnits: "output", noLoneLayout: true },
  Unsqueeze: { wholeUnits: "output" },
  Upsample: { constantInputs: [1], until: 9 },
};

/** Which operators form a unit with the Q and DQ around them. Source: qdq_transformer/selectors_actions/shared/utils.cc. */
const MOVES = `Gather GatherElements Reshape Expand Flatten Transpose MaxPool Resize Squeeze Unsqueeze Tile`;
const UNITS = `
  ${MOVES} AveragePool LeakyRelu ReduceMean ReduceMin ReduceMax ReduceProd ReduceSum Relu Gelu Elu HardSigmoid HardSwish
  Sigmoid Slice Softmax LogSoftmax Sqrt Sin Cos Sign Tanh Exp Log Ceil Floor Round Abs Neg Add Div Mul Pow Sub PRelu
  Concat Max Min Split Conv ConvTranspose MatMul Gemm Einsum LayerNormalization InstanceNormalization RMSNormalization
  BatchNormalization Where Pad TopK CumSum Reciprocal Clip DepthToSpace SpaceToDepth GlobalAveragePool GridSample
  LpNormalization Asin Atan LRN GroupNormalization ReduceLogSumExp ArgMax ArgMin ScatterElements
  SimplifiedLayerNormalization Mish`;

/** Operators that are computed with channels last. */
const IMAGES = `
  AveragePool BatchNormalization Conv ConvTranspose DepthToSpace GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample
  GroupNormalization InstanceNormalization LpPool LRN MaxPool Resize SpaceToDepth Upsample`;

const QUANTIZATION: QuantizationRules = {
  activations: ["uint8", "uint16", "int8", "int16"],
  weights: ["int8", "uint8", "int16", "uint16", "int4", "uint4"],
  weightInputs: {
    Conv: { index: 1, axis: 0 },
    ConvTranspose: { index: 1, axis: 1 },
    Gemm: { index: 1, axis: "columns" },
    MatMul: { index: 1, axis: 1 },
  },
  biasInputs: { Conv: 2, ConvTranspose: 2, Gemm: 2 },
  vectorBias: words("Gemm"),
  sameParameters: words(`${MOVES} Concat`),
  wrapped: words(UNITS),
  scalars: true,
  blocks: false,
  castCodes: false,
  removed: [],
  fixedOutputs: {
    Sigmoid: { uint16: { scale: 1 / 65536, zeroPoint: 0 }, int16: { scale: 1 / 32768, zeroPoint: 0 } },
    Tanh: { uint16: { scale: 1 / 32768, zeroPoint: 32768 }, int16: { scale: 1 / 32768, zeroPoint: 0 } },
  },
  float: "it runs in float16 (enable_htp_fp16_precision), from Hexagon v69 on, slower than quantized",
};

export const QNN: OperatorRules = {
  confirmedBy: "Qualcomm's HTP compiler (onnxruntime-qnn 2.7.0, soc_model 60)",
  sources: [
    {
      document: "Qualcomm's HTP compiler, tested with npm run interop:compilers",
      version: "onnxruntime-qnn 2.7.0, onnxruntime 1.30.0, soc 60",
    },
    {
      document: "onnxruntime/core/providers/qnn/builder (op builders)",
      version: "onnxruntime 1.30, commit cc8e901",
    },
    { document: "HTP operator definition supplement, 80-63442-50", version: "2026" },
    { document: "quantization/execution_providers/qnn/quant_config.py", version: "onnxruntime 1.30" },
  ],
  operators: {
    ...operatorsOf(QNN_SIGNATURES, LIMITED),
  },
  dtypes: [
    ...(["float32", "float16", "bool", "int32", "uint32", "int64"] as const),
    ...(["int8", "uint8", "int16", "uint16", "int4", "uint4"] as const),
  ],
  convertedTypes: { int64: "the provider casts it to int32 around each node" },
  channelsLast: words(IMAGES),
  // The cast supports 4 axes.
  maxRankOf: { int64: 4 },
  controlFlow: "forbidden",
  maxRank: { rejected: 5, advised: 4 },
  quantization: QUANTIZATION,
  maxWeightBytes: TWO_GIGABYTES,
  wantsNames: true,
  minOpset: 7,
};
