/** Profile `qnn`: Qualcomm's Hexagon tensor processor through ONNX Runtime's QNN provider. */
import {
  all,
  contrib,
  TWO_GIGABYTES,
  type OperatorSupport,
  type OperatorRules,
  type QuantizationRules,
} from "./profile.js";

/** Operators without limits besides the rank and type rules. Source: op_builder_factory.cc. */
const PLAIN = all(`
  Abs Add And ArgMax ArgMin Asin Atan AveragePool BatchNormalization Cast Ceil Concat Conv ConvTranspose Cos
  DepthToSpace DequantizeLinear Div Einsum Elu Equal Exp Flatten Floor GatherElements GatherND Gelu Gemm
  GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GridSample HardSigmoid HardSwish InstanceNormalization LRN
  LSTM LeakyRelu Less LessOrEqual Log LogSoftmax MatMul MaxPool Mean Mod Mul Neg Not Or PRelu Pow QuantizeLinear
  RandomUniformLike Reciprocal Relu Round STFT Sigmoid Sign Sin Softmax SpaceToDepth Sqrt Sub Tanh ThresholdedRelu
  Transpose Where`);

/** Operators with conditions. Source: the op builders of onnxruntime/core/providers/qnn/builder/opbuilder. */
const LIMITED: Readonly<Record<string, OperatorSupport>> = {
  Clip: { constantInputs: [1, 2] },
  CumSum: { constantInputs: [1] },
  Erf: { moduleOf: "erf-gelu" },
  Expand: { constantInputs: [1] },
  Gather: { plainInt64: [1] },
  LayerNormalization: { attributes: { axis: { allowed: "last-axis", missing: -1 } } },
  LpNormalization: {
    attributes: { p: { allowed: [2], missing: 2 }, axis: { allowed: "last-axis", missing: -1 } },
  },
  Max: { inputCount: 2 },
  Min: { inputCount: 2 },
  Pad: { constantInputs: [1, 2, 3] },
  RMSNormalization: { maxRank: 4, attributes: { axis: { allowed: "last-axis", missing: -1 } } },
  ReduceL2: { constantInputs: [1] },
  ReduceMax: { constantInputs: [1] },
  ReduceMean: { constantInputs: [1] },
  ReduceMin: { constantInputs: [1] },
  ReduceProd: { constantInputs: [1] },
  ReduceSum: { constantInputs: [1] },
  Reshape: { constantInputs: [1] },
  Resize: { constantInputs: [1, 2, 3] },
  ScatterElements: { attributes: { reduction: { allowed: ["none", "add", "mul", "max"], missing: "none" } } },
  ScatterND: { attributes: { reduction: { allowed: ["none", "add", "mul"], missing: "none" } } },
  Slice: { constantInputs: [1, 2, 3, 4] },
  Split: { constantInputs: [1] },
  Squeeze: { constantInputs: [1] },
  Sum: { inputCount: 2 },
  Tile: { constantInputs: [1] },
  TopK: { constantInputs: [1] },
  Unsqueeze: { constantInputs: [1] },
  Upsample: { constantInputs: [1], until: 9 },
};

/** Which operators form a unit with the Q and DQ around them. Source: qdq_transformer/selectors_actions/shared/utils.cc. */
const MOVES = `Gather GatherElements Reshape Expand Flatten Transpose MaxPool Resize Squeeze Unsqueeze Tile`;
const UNITS = `
  ${MOVES} AveragePool LeakyRelu ReduceMean ReduceMin ReduceMax ReduceProd ReduceSum Relu Gelu Elu HardSigmoid HardSwish
  Sigmoid Slice Softmax LogSoftmax Sqrt Sin Cos Sign Tanh Exp Log Ceil Floor Round Abs Neg Add Div Mul Pow Sub PRelu
  Concat Max Min Split Conv ConvTranspose MatMul Gemm Einsum LayerNormalization InstanceNormalization RMSNormalization
  BatchNormalization Where Pad TopK CumSum Reciprocal Clip DepthToSpace SpaceToDepth GlobalAveragePool GridSample
  LpNormalization`;

/** Operators that the provider built into ONNX Runtime lacks. Source: onnxruntime-qnn 2.0. */
const PLUGIN_OPERATORS = ["GroupNormalization", "IsNaN", "RoiAlign", "SimplifiedLayerNormalization", "Tan"];

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const QUANTIZATION: QuantizationRules = {
  activations: ["uint8", "uint16", "int8", "int16"],
  weights: ["int8", "uint8", "int16", "uint16", "int4", "uint4"],
  weightInputs: {
    Conv: { index: 1, axis: 0 },
    ConvTranspose: { index: 1, axis: 1 },
    Gemm: { index: 1, axis: "columns" },
    MatMul: { index: 1, axis: 1 },
  },
  biasInputs: { Conv: 2, ConvTranspose: 2, Gemm: 2, LayerNormalization: 2 },
  sameParameters: words(`${MOVES} Concat`),
  wrapped: words(UNITS),
  blocks: false,
  fixedOutputs: {
    Sigmoid: { uint16: { scale: 1 / 65536, zeroPoint: 0 }, int16: { scale: 1 / 32768, zeroPoint: 0 } },
    Tanh: { uint16: { scale: 1 / 32768, zeroPoint: 32768 }, int16: { scale: 1 / 32768, zeroPoint: 0 } },
  },
  powerOfTwo: false,
  float: "it runs in float16 (enable_htp_fp16_precision), from Hexagon v69 on, slower than quantized",
};

export const QNN: OperatorRules = {
  sources: [
    {
      document: "onnxruntime/core/providers/qnn/builder (op builders)",
      version: "onnxruntime 1.30, commit cc8e901",
    },
    {
      document: "onnxruntime-qnn plugin (SimplifiedLayerNormalization and later operators)",
      version: "2.0.0",
    },
    { document: "HTP operator definition supplement, 80-63442-50", version: "2026" },
    { document: "quantization/execution_providers/qnn/quant_config.py", version: "onnxruntime 1.30" },
  ],
  operators: {
    ...PLAIN,
    ...LIMITED,
    ...Object.fromEntries(PLUGIN_OPERATORS.map((name) => [name, { only: "the QNN plugin 2.0 or later" }])),
    ...contrib("DequantizeLinear FusedMatMul Gelu Inverse QuantizeLinear QuickGelu"),
  },
  operatorsAreComplete: true,
  dtypes: [
    ...(["float32", "float16", "bool", "int32", "uint32", "int64"] as const),
    ...(["int8", "uint8", "int16", "uint16", "int4", "uint4"] as const),
  ],
  convertedTypes: { int64: "the provider casts it to int32 around each node" },
  controlFlow: "forbidden",
  quantization: QUANTIZATION,
  maxWeightBytes: TWO_GIGABYTES,
  wantsNames: true,
};
