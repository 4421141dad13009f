/** Profile `cuda`: NVIDIA GPUs through ONNX Runtime's CUDA provider. */
import { all, contrib, type OperatorSupport, type OperatorRules } from "./profile.js";

const BYTES = ["int8", "uint8"] as const;
const CODES = [...BYTES, "int4", "uint4", "float8e4m3fn", "float8e5m2"] as const;

const LIMITED: Readonly<Record<string, OperatorSupport>> = {
  DequantizeLinear: { inputTypes: { 0: CODES } },
  MatMulInteger: { inputTypes: { 0: ["int8"], 1: ["int8"] } },
  QuantizeLinear: { inputTypes: { 2: CODES } },
  Scatter: { until: 10 },
  Upsample: { until: 9 },
  "com.microsoft:GroupQueryAttention": { inputTypes: { 0: ["float16", "bfloat16"] } },
  "com.microsoft:SparseAttention": { inputTypes: { 0: ["float16", "bfloat16"] } },
};

export const CUDA: OperatorRules = {
  confirmedBy: null,
  sources: [
    { document: "docs/OperatorKernels.md, CUDAExecutionProvider", version: "onnxruntime, commit 001d12d2" },
  ],
  operators: {
    ...all(`
      Abs Add Affine And ArgMax ArgMin Attention AveragePool BatchNormalization Cast Ceil Clip Compress Concat
      ConcatFromSequence Constant ConstantOfShape Conv ConvTranspose Cos Crop CumSum DepthToSpace Div Dropout
      DynamicSlice Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm
      GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GridSample HardSigmoid HardSwish Identity If ImageScaler
      InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop
      MatMul Max MaxPool Min Mod Mul Neg NonZero Not OneHot Or PRelu Pad ParametricSoftplus Pow RMSNormalization RNN
      RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum
      ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize
      ReverseSequence RoiAlign RotaryEmbedding Round ScaledTanh Scan ScatterElements ScatterND Selu SequenceAt
      SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Shrink Sigmoid Sign
      SimplifiedLayerNormalization Sin Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum
      Tanh TensorScatter ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Where Xor`),
    ...contrib(`
      Attention BeamSearch BiasAdd BiasDropout BiasGelu BiasSoftmax BiasSplitGelu BitmaskBiasDropout BitmaskDropout
      ComplexMul ComplexMulConj ConvTransposeWithDynamicPads DecoderAttention DecoderMaskedMultiHeadAttention
      DecoderMaskedSelfAttention DequantizeLinear DequantizeWithOrder DynamicTimeWarping EmbedLayerNormalization
      FastGelu FusedConv FusedMatMul GatedRelativePositionBias GatherBlockQuantized Gelu GemmFloat8
      GemmaRotaryEmbedding GreedySearch GridSample GroupNorm Inverse Irfft LongformerAttention MatMulBnb4 MatMulNBits
      MoE MultiHeadAttention NGramRepeatBlock NhwcConv PackedAttention PackedMultiHeadAttention PagedAttention
      QAttention QMoE QuantizeLinear QuickGelu RelativePositionBias RemovePadding RestorePadding Rfft RotaryEmbedding
      Sampling SkipGroupNorm SkipLayerNormalization SkipSimplifiedLayerNormalization TransposeMatMul Trilu
      UnfoldTensor WhisperBeamSearch`),
    ...LIMITED,
  },
  operatorsAreComplete: true,
  dtypes: [
    ...(["float32", "float64", "float16", "bfloat16", "bool"] as const),
    ...(["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "int4", "uint4"] as const),
    ...(["float8e4m3fn", "float8e5m2", "float4e2m1"] as const),
  ],
  convertedTypes: {},
  controlFlow: "allowed",
  maxWeightBytes: Number.MAX_SAFE_INTEGER,
  wantsNames: false,
};
