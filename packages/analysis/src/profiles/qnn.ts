/** Profile `qnn`: Qualcomm's Hexagon tensor processor through ONNX Runtime's QNN provider. */
import { TWO_GIGABYTES, type OperatorRules, type QuantizationRules } from "./profile.js";
import { LIMITED } from "./qnn-operators.js";
import { QNN_SIGNATURES } from "./qnn-signatures.js";
import { operatorsOf, words } from "./signatures.js";

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
  operators: operatorsOf(QNN_SIGNATURES, LIMITED),
  dtypes: [
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
    "int4",
    "uint4",
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
