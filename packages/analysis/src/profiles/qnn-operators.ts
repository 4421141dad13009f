/** Conditions of the operators of profile `qnn`, in addition to element types and ranks. */
import type { OperatorSupport } from "./profile.js";
import * as qdq from "./quantized-conditions.js";
import * as qnn from "./qnn-conditions.js";

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
const MATRIX_WEIGHTS = [
  qdq.symmetricChannels,
  qdq.weightTypes(
    { uint8: NARROW, int8: NARROW, int16: ["int8", "int4"] },
    {
      channel: {
        uint8: ["uint8", "int8", "int4"],
        int8: ["int8"],
        uint16: ["uint8", "int8", "int16", "int4"],
        int16: ["int8", "int4"],
      },
    },
  ),
];
const SYMMETRIC = qdq.zeroPoints({ uint16: 32_768, int16: 0 });
const SYMMETRIC_INT16 = qdq.zeroPoints({ int16: 0 });
const CONVOLUTION = [
  qdq.wholeUnit("always"),
  SYMMETRIC_INT16,
  qdq.channelScales(["int4", "uint4"]),
  ...MATRIX_WEIGHTS,
];
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

const MOVED: OperatorSupport = { conditions: [qdq.wholeUnit("output")] };
const SEVERAL: OperatorSupport = { conditions: [qnn.minInputs(2)] };
const RMS: OperatorSupport = {
  attributes: LAST_AXIS,
  conditions: [qnn.minLastSize(2), qdq.weightTypes({ uint8: ["uint8"], uint16: [...UNSIGNED, "int16"] })],
};

// cspell:ignore abce abde abed

/**
 * Conditions of single operators, in addition to element types and ranks. Source: onnxruntime-qnn 2.7.0, soc 60, tested with `npm run
 * interop:compilers`.
 */
export const LIMITED: Readonly<Record<string, OperatorSupport>> = {
  Attention: { inputTypes: { 3: ["float32", "float16"] }, absentInputs: [6] },
  ArgMax: { attributes: { select_last_index: { allowed: [0], missing: 0 } } },
  ArgMin: { attributes: { select_last_index: { allowed: [0], missing: 0 } } },
  AveragePool: { attributes: NO_DILATIONS, conditions: [qnn.widestGap(1), qnn.fullWindows] },
  BatchNormalization: {
    constantInputs: [1, 2, 3, 4],
    attributes: { training_mode: { allowed: [0], missing: 0 } },
    conditions: [qdq.weightTypes({ uint8: ["uint8"], int8: ["int8"], uint16: ["uint8"] })],
  },
  Cast: {
    casts: CASTS,
    // Not 9, bool.
    combinations: [{ rank: UP_TO_4, to: { allowed: [1, 2, 3, 4, 5, 6, 7, 10, 12, 13], missing: 0 } }],
  },
  CastLike: { casts: CASTS },
  Clip: {
    constantInputs: [1, 2],
    conditions: [
      qdq.weightTypes({
        uint8: ["uint8", "int8"],
        int8: ["uint8", "int8"],
        uint16: ["uint8", "int8", "uint16", "int16"],
      }),
    ],
  },
  Conv: { combinations: DILATED, conditions: [qnn.widestGap(1), ...CONVOLUTION] },
  ConvTranspose: { attributes: NO_DILATIONS, conditions: [qnn.widestGap(0), ...CONVOLUTION] },
  CumSum: {
    constantInputs: [1],
    attributes: { exclusive: { allowed: [0], missing: 0 }, reverse: { allowed: [0], missing: 0 } },
  },
  Einsum: {
    conditions: [
      qdq.wholeUnit("always"),
      SYMMETRIC,
      qnn.equations(
        ["ab,bc->ac", "abc,acd->abd", "abcd,abde->abce", "abcd,abed->abce", "abcd,bed->abce"],
        ["abcd,ced->abce"],
      ),
    ],
  },
  Erf: { conditions: [qnn.insideGelu] },
  Expand: { constantInputs: [1], conditions: [qnn.filled(1)] },
  Gather: { combinations: FIRST_AXIS },
  GatherElements: { combinations: FIRST_AXIS },
  GatherND: { attributes: { batch_dims: { allowed: [0], missing: 0 } } },
  Gemm: {
    conditions: [qdq.wholeUnit("always"), SYMMETRIC, ...MATRIX_WEIGHTS],
    attributes: { beta: { allowed: [1], missing: 1 }, alpha: { allowed: [1], missing: 1 } },
  },
  GreaterOrEqual: { since: 16 },
  GroupNormalization: { conditions: [qnn.onlyLast] },
  GRU: { attributes: { layout: { allowed: [0], missing: 0 } } },
  GridSample: { attributes: { mode: { allowed: ["bilinear", "linear", "nearest"], missing: "linear" } } },
  LRN: { attributes: { size: { allowed: [1, 3, 5, 7, 9, 11], missing: 0 } } },
  LSTM: { absentInputs: [7], attributes: { layout: { allowed: [0], missing: 0 } } },
  LayerNormalization: {
    attributes: LAST_AXIS,
    outputCount: 1,
    conditions: [
      qdq.weightTypes(
        { uint8: UNSIGNED, uint16: UNSIGNED },
        { pair: { uint8: ["uint8"], int8: ["int8"], uint16: ["uint8"], int16: [] } },
      ),
    ],
  },
  LessOrEqual: { since: 16 },
  LpNormalization: { attributes: { p: { allowed: [2], missing: 2 } } },
  LpPool: {
    conditions: [qnn.widestGap(1)],
    attributes: {
      p: { allowed: [1, 2], missing: 2 },
      ...NO_DILATIONS,
      ceil_mode: { allowed: [0], missing: 0 },
    },
  },
  MatMul: { conditions: [qnn.sameBatch(5), SYMMETRIC_INT16, ...MATRIX_WEIGHTS] },
  Max: SEVERAL,
  MaxPool: {
    attributes: NO_DILATIONS,
    outputCount: 1,
    conditions: [qnn.widestGap(1), qnn.fullWindows, qdq.wholeUnit("output")],
  },
  Mish: { conditions: [qdq.wholeUnit("always")] },
  Mean: SEVERAL,
  Min: SEVERAL,
  Mod: { attributes: { fmod: { allowed: [0], missing: 0 } } },
  Pad: {
    constantInputs: [1, 2],
    absentInputs: [3],
    conditions: [qdq.weightTypes({ uint8: ["uint8"], int8: ["int8"], uint16: ["uint16"] }, { input: 2 })],
    attributes: { mode: { allowed: ["constant", "reflect", "edge"], missing: "constant" } },
    combinations: [
      {
        rank: UP_TO_4,
        mode: { allowed: ["constant"], missing: "constant" },
      },
    ],
  },
  OneHot: { conditions: [qnn.plainConstant(2)] },
  Pow: { inputTypes: { 1: ["float32", "float16"] }, conditions: [qnn.widestInput(4)] },
  RMSNormalization: RMS,
  Reciprocal: { conditions: [qdq.wholeUnit("always")] },
  ReduceL2: REDUCTION,
  ReduceLogSumExp: REDUCTION,
  ReduceMax: REDUCTION,
  ReduceMean: REDUCTION,
  ReduceMin: REDUCTION,
  ReduceSum: REDUCTION,
  Reshape: MOVED,
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
    conditions: [qnn.wholeSizes("cubic")],
  },
  RoiAlign: { attributes: { mode: { allowed: ["avg"], missing: "avg" } } },
  ScatterElements: { attributes: { reduction: { allowed: ["none"], missing: "none" } } },
  ScatterND: {
    conditions: [qnn.maxDepth(4), qnn.widestInput(4)],
    attributes: { reduction: { allowed: ["none", "add", "mul"], missing: "none" } },
  },
  SimplifiedLayerNormalization: RMS,
  Slice: {
    constantInputs: [1, 2, 3, 4],
    conditions: [qnn.unitSteps(["int32", "int64"]), qdq.wholeUnit("output")],
  },
  Split: { constantInputs: [1], conditions: [qnn.splitsInTwo("int64")] },
  Squeeze: MOVED,
  Sum: SEVERAL,
  Tile: { constantInputs: [1] },
  TopK: { constantInputs: [1], attributes: { axis: { allowed: [-1, 0, 1, 2, 3], missing: -1 } } },
  Transpose: { conditions: [qdq.wholeUnit("output"), qnn.noLoneLayout] },
  Unsqueeze: MOVED,
  Upsample: { constantInputs: [1], until: 9 },
};
