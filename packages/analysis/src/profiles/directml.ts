/** Profile `directml`: any DirectX 12 GPU on Windows through ONNX Runtime's DirectML provider. */
import { all, contrib, type OperatorSupport, type OperatorRules } from "./profile.js";

const BYTES = ["int8", "uint8"] as const;

const LIMITED: Readonly<Record<string, OperatorSupport>> = {
  DequantizeLinear: { inputTypes: { 0: [...BYTES, "int32", "int4", "uint4"] } },
  MatMulInteger: { inputTypes: { 0: BYTES, 1: BYTES } },
  QuantizeLinear: { inputTypes: { 2: [...BYTES, "int4", "uint4"] } },
  Upsample: { until: 10 },
};

export const DIRECTML: OperatorRules = {
  confirmedBy: null,
  sources: [
    { document: "docs/OperatorKernels.md, DmlExecutionProvider", version: "onnxruntime, commit 001d12d2" },
  ],
  operators: {
    ...all(`
      Abs Acos Acosh Add Affine And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization BitShift
      BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu Clip Col2Im Concat ConcatFromSequence Constant
      ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh Crop CumSum DFT DepthToSpace Div Dropout
      DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND
      Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample HardSigmoid Hardmax Identity
      If ImageScaler InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log
      LogSoftmax LpNormalization LpPool MatMul Max MaxPool MaxRoiPool MaxUnpool Mean MeanVarianceNormalization Min Mod
      Mul Neg NonZero Not OneHot OptionalGetElement OptionalHasElement Or PRelu Pad ParametricSoftplus Pow QLinearConv
      QLinearMatMul RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
      ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RoiAlign Round STFT ScaledTanh Scatter
      ScatterElements ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert
      SequenceLength Shape Shrink Sigmoid Sign SimplifiedLayerNormalization Sin Sinh Size Slice Softmax Softplus
      Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze
      Where Xor`),
    ...contrib(`
      Attention BiasAdd BiasGelu BiasSplitGelu ConvTransposeWithDynamicPads DequantizeLinear DynamicQuantizeMatMul
      EmbedLayerNormalization FastGelu FusedMatMul FusedMatMulActivation Gelu GroupNorm GroupQueryAttention
      MatMulIntegerToFloat MatMulNBits MultiHeadAttention NhwcConv QAttention QLinearAdd QLinearAveragePool
      QLinearConcat QLinearGlobalAveragePool QLinearSigmoid QuantizeLinear QuickGelu RotaryEmbedding
      SkipLayerNormalization SkipSimplifiedLayerNormalization`),
    ...LIMITED,
  },
  operatorsAreComplete: true,
  dtypes: [
    ...(["float32", "float16", "bool"] as const),
    ...(["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "int4", "uint4"] as const),
  ],
  convertedTypes: {},
  controlFlow: "allowed",
  advisedOpset: 21,
  maxWeightBytes: Number.MAX_SAFE_INTEGER,
  wantsNames: false,
};
