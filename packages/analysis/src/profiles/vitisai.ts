/**
 * Profile `vitisai`: AMD's Ryzen AI NPU. AMD's compiler is not public, so no graph was compiled. The operators are those of AMD's list; the
 * provider leaves others to the CPU, so they are unknown, not rejected.
 */
import {
  TWO_GIGABYTES,
  type OperatorRules,
  type OperatorSupport,
  type QuantizationRules,
} from "./profile.js";
import { QNN } from "./qnn.js";
import { words } from "./signatures.js";

// "Supported Operators" of Ryzen AI 1.8.0 (github.com/amd/ryzen-ai-documentation, docs/ops_support.rst, 2026-07-21): operators with "broad
// coverage" per column. AMD recommends float32 for transformers, and INT8 for convolutional networks (docs/model_quantization.rst).

/** Column BF16: float32 graphs, which the compiler converts to bfloat16. */
const FLOAT = words(`
  Abs Add And ArgMax ArgMin AveragePool BatchNormalization BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast Ceil Concat
  ConstantOfShape Conv ConvTranspose CumSum DepthToSpace Div Einsum Equal Erf Exp Expand Flatten Floor Gather GatherElements Gemm
  GlobalAveragePool Greater GridSample Identity InstanceNormalization LSTM Less Log MatMul Max MaxPool Min Mod Mul Neg Not Or Pad Pow
  Reciprocal ReduceMax ReduceMean ReduceMin ReduceSum Reshape Resize Round ScatterND Shape Sigmoid Sign Sin Size Slice Split Sqrt Squeeze
  Sub Tanh Tile Transpose Unsqueeze Where Xor`);

/** Columns XINT8 (scales are powers of two) and A8W8 (other scales), both symmetric. */
const BYTES = words(`
  Abs Add And ArgMax ArgMin AveragePool BatchNormalization BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast Ceil Celu Clip Concat
  ConstantOfShape Conv ConvTranspose Cos CumSum DepthToSpace Div Elu Equal Erf Expand Flatten Floor Gelu Gemm GlobalAveragePool
  GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LayerNormalization
  LeakyRelu Less LessOrEqual Log MatMul Max MaxPool Min Mish Mul Neg Or Pad Pow Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceSum
  Relu Reshape Resize Round STFT Shape Shrink Sigmoid Sign Sin Slice Softmax Softsign Sqrt Squeeze Sub Tanh ThresholdedRelu Tile TopK
  Transpose Unsqueeze Upsample Where`);

/** Column A16W8: int16 activations, int8 weights, both symmetric. */
const WIDE = words(`
  Add AveragePool BatchNormalization Clip Concat ConstantOfShape Conv ConvTranspose Cos DepthToSpace Div Elu Exp Expand Flatten
  GatherElements Gelu Gemm GlobalAveragePool GlobalMaxPool GroupNormalization Identity InstanceNormalization LeakyRelu MatMul Max MaxPool
  Min Mul Pad Reciprocal ReduceMax Relu Reshape Shape Sigmoid Sin Slice Softmax Split Sqrt Squeeze Sub Tanh TopK Transpose Unsqueeze
  Upsample Where`);

/** Inputs that must be constant: deduced from static shapes, not documented. */
const CONSTANTS: Readonly<Record<string, OperatorSupport>> = {
  Clip: { constantInputs: [1, 2] },
  Pad: { constantInputs: [1, 2, 3] },
  Reshape: { constantInputs: [1] },
  Resize: { constantInputs: [1, 2, 3] },
  Slice: { constantInputs: [1, 2, 3, 4] },
  Squeeze: { constantInputs: [1] },
  Unsqueeze: { constantInputs: [1] },
};

function rowOf(name: string): OperatorSupport {
  const listedFor = [
    ...(FLOAT.has(name) ? (["float"] as const) : []),
    ...(BYTES.has(name) ? (["int8", "uint8"] as const) : []),
    ...(WIDE.has(name) ? (["int16"] as const) : []),
  ];
  return { ...CONSTANTS[name], listedFor };
}

// AMD's quantizer (amd-quark 0.13, XINT8QDQQuantizer and its configurations A8W8 and A16W8): symmetric activations and weights, and weights
// of int8. It writes activations of XINT8 as int8 or uint8.
const QUANTIZATION: QuantizationRules = {
  ...QNN.quantization!,
  activations: ["uint8", "int8", "int16"],
  weights: ["int8"],
  castCodes: true,
  fixedOutputs: {},
  powerOfTwo: true,
  float: "the compiler converts float32 to bfloat16",
};

export const VITISAI: OperatorRules = {
  confirmedBy: null,
  sources: [
    {
      document:
        "ryzenai.docs.amd.com: supported operators, model quantization, model compilation and deployment (opset 17)",
      version: "1.8.0",
    },
    { document: "amd-quark (PyPI): types, zero points and scales of quantized graphs", version: "0.13" },
  ],
  operators: {
    ...Object.fromEntries([...FLOAT, ...BYTES, ...WIDE].map((name) => [name, rowOf(name)])),
    Constant: {},
    DequantizeLinear: {},
    QuantizeLinear: {},
  },
  operatorsAreComplete: false,
  dtypes: ["float32", "float16", "bfloat16", "bool", "int64", "int32", "int16", "int8", "uint8"],
  convertedTypes: {},
  controlFlow: "forbidden",
  advisedOpset: 17,
  quantization: QUANTIZATION,
  maxWeightBytes: TWO_GIGABYTES,
  wantsNames: false,
};
