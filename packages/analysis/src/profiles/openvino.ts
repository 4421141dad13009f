/** Profile `openvino`: Intel's NPU through ONNX Runtime's OpenVINO provider. */
import { all, contrib, TWO_GIGABYTES, type OperatorRules, type QuantizationRules } from "./profile.js";
import { QNN } from "./qnn.js";

/** The compiler keeps Q and DQ around operators that it computes in integers and removes the others. */
const QUANTIZATION: QuantizationRules = {
  ...QNN.quantization!,
  activations: ["uint8", "int8", "uint16", "int16"],
  weights: ["int8", "uint8", "int16", "uint16", "int4", "uint4"],
  blocks: true,
  castCodes: true,
  fixedOutputs: {},
  float: "it runs in float16",
};

export const OPENVINO: OperatorRules = {
  confirmedBy: null,
  sources: [
    {
      document:
        "onnxruntime/core/providers/openvino/ov_versions/data_ops.cc (supported_op_mode, supported_types_npu_)",
      version: "rows up to OpenVINO 2024.4",
    },
    { document: "OpenVINO-ExecutionProvider.md (NPU: float16, static shapes advised)", version: "2025.4" },
  ],
  operators: {
    ...all(`
      Abs Acos Acosh Add Affine And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization BitShift
      BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike Ceil Celu Clip Compress Concat Constant
      ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh Crop CumSum DepthToSpace DequantizeLinear DFT Div Dropout
      DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor Gather GatherElements GatherND Gelu
      Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization GRU
      HammingWindow HardSigmoid HardSwish Hardmax Identity If ImageScaler InstanceNormalization IsInf IsNaN
      LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop LpNormalization LRN LSTM MatMul MatMulInteger
      Max MaxPool MaxRoiPool Mean MeanVarianceNormalization Min Mish Mod Mul Multinomial Neg NonMaxSuppression NonZero
      Not OneHot Or Pad Pow PRelu QLinearConv QLinearMatMul QuantizeLinear RandomNormal RandomNormalLike RandomUniform
      RandomUniformLike Range Reciprocal ReduceLogSum ReduceLogSumExp ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin
      ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RNN RoiAlign Round Scan Scatter
      ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign SimplifiedLayerNormalization Sin Sinh Size Slice Softmax
      Softplus Softsign SpaceToDepth Split Sqrt Squeeze STFT Sub Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose
      Trilu Unique Unsqueeze Upsample Where Xor`),
    ...contrib(`
      Attention BiasGelu EmbedLayerNormalization FusedGemm FusedMatMul MatMulIntegerToFloat MatMulNBits QLinearAdd
      QLinearMul QuickGelu SkipLayerNormalization SkipSimplifiedLayerNormalization`),
  },
  operatorsAreComplete: true,
  dtypes: [
    ...(["float32", "float16", "bool", "int64", "int32", "int16", "uint16", "int8", "uint8"] as const),
    ...(["int4", "uint4", "float8e4m3fn", "float8e4m3fnuz"] as const),
  ],
  convertedTypes: { float32: "the NPU computes it as float16" },
  controlFlow: "forbidden",
  quantization: QUANTIZATION,
  maxWeightBytes: TWO_GIGABYTES,
  wantsNames: false,
};
