/** Profile `openvino`: Intel's NPU through ONNX Runtime's OpenVINO provider. */
import {
  TWO_GIGABYTES,
  type OperatorSupport,
  type OperatorRules,
  type QuantizationRules,
} from "./profile.js";
import * as intel from "./openvino-conditions.js";
import { OPENVINO_SIGNATURES } from "./openvino-signatures.js";
import { QNN } from "./qnn.js";
import * as qdq from "./quantized-conditions.js";
import { operatorsOf, words } from "./signatures.js";

const ANY = ["float32", "float16", "bool", "int32", "int64"] as const;
const BYTES = ["int8", "uint8"] as const;
const WIDE = ["int16", "uint16"] as const;

/** Target types of a Cast, by source type. */
const CASTS: OperatorSupport["casts"] = {
  float32: [...ANY, ...BYTES],
  float16: [...ANY, ...BYTES, "int16", "uint16", "int4", "uint4"],
  bool: [...ANY, "uint8"],
  int32: [...ANY, ...BYTES],
  int64: [...ANY, ...BYTES],
  int8: ["float32", "float16", "int32", "int64", ...BYTES],
  uint8: [...ANY, ...BYTES],
  uint32: ["uint32"],
  int16: ["float16", "int16"],
  uint16: ["float16", "uint16"],
  int4: ["float16", "int8"],
  uint4: ["float16", "uint8"],
};

/** Operators that compute in 8-bit integers or in float, and read no 16-bit integers. */
const BYTES_ONLY = words(`
  Add Clip Div Einsum GlobalMaxPool MaxPool Mean Reciprocal ReduceLogSumExp ReduceMax Sum`);

/** Bytes that are not quantized are scaled only to the nearest pixel. */
const NEAREST_BYTES: OperatorSupport["combinations"] = [
  {
    mode: { allowed: ["nearest"], missing: "nearest" },
    type: { allowed: ["float32", "float16"], missing: "" },
  },
];

/** Positions of pixels that Resize supports. Source: the compiler's message for other values. */
const COORDINATES = [
  "half_pixel",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_half_pixel_for_nn",
] as const;

const CONSTANT_SECOND: OperatorSupport = { constantInputs: [1] };
const NO_SCALAR: OperatorSupport = { noScalars: [0] };

/** Types of the weights of uint16 activations. */
const WIDE_WEIGHTS = qdq.weightTypes({ uint16: WIDE });

/** Products of matrices. */
const PRODUCT: OperatorSupport = {
  conditions: [WIDE_WEIGHTS, qdq.computedWeights(BYTES), qdq.openTypes([...BYTES, "int16"])],
};

/** Conditions of single operators, in addition to element types and ranks. */
const LIMITED: Readonly<Record<string, OperatorSupport>> = {
  Cast: { casts: CASTS },
  CastLike: { casts: CASTS },
  AveragePool: { conditions: [intel.topWithLeft] },
  Celu: NO_SCALAR,
  Conv: { conditions: [WIDE_WEIGHTS, qdq.constantWeight(5), qdq.computedWeights(BYTES)] },
  ConvTranspose: {
    conditions: [qdq.constantWeight(5), qdq.computedWeights(BYTES), intel.singleBatch(5)],
    combinations: [{ rank: { allowed: [0, 1, 2, 3, 4], missing: 0 }, group: { allowed: [1], missing: 1 } }],
  },
  CumSum: CONSTANT_SECOND,
  DFT: { absentInputs: [1] },
  Dropout: { constantInputs: [2] },
  Expand: CONSTANT_SECOND,
  GRU: {
    combinations: [
      {
        direction: { allowed: ["forward", "reverse"], missing: "forward" },
        quantized: { allowed: ["none"], missing: "none" },
      },
    ],
  },
  Gather: { conditions: [intel.noRows(BYTES)] },
  GatherElements: { conditions: [intel.fullIndices] },
  Gemm: PRODUCT,
  LSTM: { conditions: [WIDE_WEIGHTS] },
  LogSoftmax: {
    combinations: [
      {
        rank: { allowed: [0, 1, 2, 3, 5], missing: 0 },
        axis: { allowed: [0, 1, 2, 3], missing: -1 },
      },
    ],
  },
  LpNormalization: NO_SCALAR,
  LpPool: {
    combinations: [{ rank: { allowed: [4], missing: 0 }, ceil_mode: { allowed: [0], missing: 0 } }],
  },
  MatMul: PRODUCT,
  MaxPool: {
    outputCount: 1,
    combinations: [{ rank: { allowed: [5], missing: 0 }, dilations: { allowed: "ones", missing: 1 } }],
  },
  Mod: {
    combinations: [
      {
        fmod: { allowed: [1], missing: 0 },
        type: { allowed: ["int32", "int64", "uint32", "int8", "uint8", "int16", "uint16"], missing: "" },
      },
    ],
  },
  NegativeLogLikelihoodLoss: { attributes: { ignore_index: { allowed: ["absent"], missing: "absent" } } },
  OneHot: {
    conditions: [qdq.weightTypes({ uint8: WIDE, int8: WIDE, uint16: WIDE, int16: WIDE }, { input: 2 })],
  },
  Pad: {
    constantInputs: [1],
    attributes: { mode: { allowed: ["constant", "reflect", "edge"], missing: "constant" } },
    conditions: [intel.lonePad(2)],
  },
  Pow: { inputTypes: { 1: ["float32", "float16", "int32", "int64"] } },
  ...Object.fromEntries(
    [
      ...words(`ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
        ReduceSumSquare`),
    ].map((name) => [name, CONSTANT_SECOND]),
  ),
  Reshape: CONSTANT_SECOND,
  Resize: {
    constantInputs: [2, 3],
    attributes: {
      antialias: { allowed: [0], missing: 0 },
      coordinate_transformation_mode: { allowed: COORDINATES, missing: "half_pixel" },
    },
    combinations: NEAREST_BYTES,
  },
  ScatterElements: {
    conditions: [qdq.openTypes(WIDE)],
    combinations: [
      {
        rank: { allowed: [0, 1, 2, 5], missing: 0 },
        quantized: { allowed: ["none", "int16", "uint16"], missing: "none" },
      },
    ],
  },
  ScatterND: { attributes: { reduction: { allowed: ["none"], missing: "none" } } },
  Shrink: NO_SCALAR,
  SimplifiedLayerNormalization: { attributes: { axis: { allowed: [-1], missing: -1 } } },
  Slice: { constantInputs: [1, 2, 3, 4], conditions: [intel.steps(4)] },
  SpaceToDepth: { conditions: [intel.singleBatch(0, ["float32", "float16", ...WIDE])] },
  Split: { constantInputs: [1], conditions: [intel.evenOutputs] },
  // Other axes compile in some graphs, and end the compiler's process in others.
  Squeeze: { constantInputs: [1], conditions: [intel.oneSign(1)] },
  Tile: CONSTANT_SECOND,
  TopK: CONSTANT_SECOND,
  Trilu: CONSTANT_SECOND,
  Upsample: { constantInputs: [1], combinations: NEAREST_BYTES },
  Unsqueeze: { constantInputs: [1], conditions: [intel.oneSign(1)] },
};

/** The same, with types of activations for operators that are followed by no QuantizeLinear. */
const CONDITIONS = {
  ...LIMITED,
  ...Object.fromEntries(
    [...BYTES_ONLY].map((name) => [
      name,
      { ...LIMITED[name], conditions: [...(LIMITED[name]?.conditions ?? []), qdq.openTypes(BYTES)] },
    ]),
  ),
};

/** Operators of ONNX with a signature. Between Q and DQ the compiler treats each of them as quantized. */
const UNITS = OPENVINO_SIGNATURES.map(({ operators }) => operators)
  .join(" ")
  .split(/\s+/u)
  .filter((name) => name !== "" && !name.includes(":") && !/^(?:Cast|Quantize|Dequantize)/u.test(name));

const REMOVED_PAIRS = "between QuantizeLinear and DequantizeLinear of it, the NPU computes in float16";

/** The compiler keeps Q and DQ around operators that it computes in integers and removes the others. */
const QUANTIZATION: QuantizationRules = {
  ...QNN.quantization!,
  activations: ["uint8", "int8", "uint16", "int16"],
  weights: ["int8", "uint8", "int16", "uint16", "int4", "uint4"],
  wrapped: new Set(UNITS),
  scalars: false,
  blocks: true,
  castCodes: true,
  removed: WIDE,
  fixedOutputs: {},
  float: "it runs in float16",
};

export const OPENVINO: OperatorRules = {
  confirmedBy: "Intel's NPU compiler (openvino 2026.4.1, platform 4000) for single operators",
  sources: [
    {
      document: "Intel's NPU compiler of the Windows wheel under Wine, tested with npm run interop:compilers",
      version: "openvino 2026.4.1, platform 4000",
    },
    { document: "OpenVINO-ExecutionProvider.md (NPU: float16, static shapes advised)", version: "2025.4" },
  ],
  operators: { Constant: {}, ...operatorsOf(OPENVINO_SIGNATURES, CONDITIONS) },
  dtypes: [
    "float32",
    "float16",
    "bool",
    "int64",
    "uint64",
    "int32",
    "uint32",
    "int16",
    "uint16",
    "int8",
    "uint8",
    "int4",
    "uint4",
  ],
  convertedTypes: {
    float32: "the NPU computes it as float16",
    ...Object.fromEntries(WIDE.map((dtype) => [dtype, REMOVED_PAIRS])),
  },
  controlFlow: "forbidden",
  maxRank: { rejected: 6, advised: 4 },
  quantization: QUANTIZATION,
  maxWeightBytes: TWO_GIGABYTES,
  wantsNames: false,
};
