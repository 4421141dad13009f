/**
 * Element types and ranks that Intel's NPU compiler supports, by operator. Found with openvino 2026.4.1 for platform 4000 (`npm run
 * interop:compilers -- --compiler openvino --group probes`), by compiling single operators in every type, in float32 for every rank, and in
 * a few QDQ forms, and with ONNX's backend tests (`--group backend`).
 */
import type { Signature } from "./signatures.js";

const FLOATS = "f32 f16";
const SIGNED = "f32 f16 i32 i64";
const NUMBERS = "f32 f16 i32 i64 u32";
const EVERY = "f32 f16 b i32 i64 u32 s8 u8 s16 u16";
const ALL = "u8 s8 u16 s16";
const BYTES = "u8 s8";

const maxRank = 5;

export const OPENVINO_SIGNATURES: readonly Signature[] = [
  {
    plain: FLOATS,
    quantized: ALL,
    maxRank,
    operators: `
      Acos Acosh Asin Asinh Atan Atanh AveragePool BatchNormalization Ceil Cos Cosh Dropout Elu Erf Exp Floor Gelu
      GlobalAveragePool GlobalLpPool RandomNormalLike GroupNormalization HardSigmoid HardSwish Hardmax
      InstanceNormalization IsInf IsNaN LRN LayerNormalization Log LpNormalization MeanVarianceNormalization Mish PRelu
      RMSNormalization ReduceLogSum RoiAlign RotaryEmbedding Round Selu Sigmoid SimplifiedLayerNormalization Sin Sinh
      Softmax Softplus Softsign Sqrt Swish Tanh ThresholdedRelu`,
  },
  { plain: FLOATS, quantized: ALL, maxRank: 4, operators: "GridSample LpPool" },
  { plain: "f32", quantized: ALL, maxRank, operators: "GRU" },
  {
    plain: FLOATS,
    quantized: BYTES,
    maxRank,
    operators: "Attention GlobalMaxPool Mean Reciprocal ReduceLogSumExp Sum",
  },
  { plain: FLOATS, quantized: ALL, maxRank, operators: "Conv LSTM" },
  { plain: FLOATS, quantized: "u8 s8 s16", maxRank, operators: "ConvTranspose LeakyRelu" },
  { plain: FLOATS, quantized: "", maxRank, operators: "Tan com.microsoft:BiasGelu com.microsoft:Gelu" },
  { plain: FLOATS, quantized: "", maxRank: 4, operators: "com.microsoft:FastGelu" },
  { plain: "f32", quantized: BYTES, maxRank, operators: "Celu" },
  {
    plain: "f32",
    quantized: "",
    maxRank,
    operators:
      "LogSoftmax NegativeLogLikelihoodLoss RandomUniformLike SoftmaxCrossEntropyLoss com.microsoft:QuickGelu",
  },
  {
    plain: "f32",
    quantized: "",
    maxRank: 4,
    operators: "DFT DynamicQuantizeLinear com.microsoft:DynamicQuantizeLSTM",
  },
  { plain: "f32", quantized: "", maxRank: 2, operators: "Scatter" },
  { plain: BYTES, quantized: "", maxRank: 3, operators: "QLinearMatMul" },
  { plain: "u8", quantized: "", maxRank: 4, operators: "MatMulInteger" },
  { plain: "f32 f16 u8", quantized: ALL, maxRank, operators: "DepthToSpace Resize SpaceToDepth Upsample" },
  { plain: "f32 f16 s8 u8", quantized: BYTES, maxRank, operators: "MaxPool" },
  { plain: "f32 f16 b s8 u8", quantized: ALL, maxRank, operators: "ReverseSequence" },
  { plain: "f32 f16 i32", quantized: ALL, maxRank, operators: "Gemm MatMul" },
  { plain: "f32 f16 i32", quantized: BYTES, maxRank, operators: "Einsum" },

  { plain: SIGNED, quantized: ALL, maxRank, operators: "Greater GreaterOrEqual Less LessOrEqual Pow Shrink" },
  { plain: "f32 f16 b i32 i64", quantized: ALL, maxRank, operators: "Equal Trilu" },
  { plain: "f32 f16 b i32 i64", quantized: ALL, maxRank, data: 1, operators: "Where" },
  { plain: "f32 f16 i32 i64 s8 s16", quantized: ALL, maxRank, operators: "Abs Neg Relu Sign" },
  {
    plain: NUMBERS,
    quantized: ALL,
    maxRank,
    operators: "CumSum ReduceL1 ReduceL2 ReduceMean ReduceProd ReduceSum ReduceSumSquare",
  },
  { plain: `${NUMBERS} u64 u8 u16`, quantized: BYTES, maxRank, operators: "Add Div" },
  { plain: `${NUMBERS} u64 s8 u8 u16`, quantized: ALL, maxRank, operators: "Sub" },
  { plain: `${NUMBERS} s8 u8 s16 u16`, quantized: ALL, maxRank, operators: "ArgMax ArgMin TopK" },
  { plain: `${NUMBERS} u64 s8 u8 s16 u16`, quantized: ALL, maxRank, operators: "Max Min Mul" },
  { plain: `${NUMBERS} s8 u8 s16 u16`, quantized: BYTES, maxRank, operators: "Clip" },
  { plain: `${NUMBERS} b s8 u8`, quantized: BYTES, maxRank, operators: "ReduceMax" },
  { plain: `${NUMBERS} b s8 u8`, quantized: ALL, maxRank, operators: "ReduceMin" },
  { plain: "b", quantized: "", maxRank, operators: "And Not Or Xor" },
  { plain: "u32 u8 u16", quantized: "", maxRank, operators: "BitShift" },
  {
    plain: "i32 i64 u32 u64 s8 u8 s16 u16",
    quantized: "",
    maxRank,
    operators: "BitwiseAnd BitwiseNot BitwiseOr BitwiseXor",
  },
  { plain: "f32 i32 i64 u32 s8 u8 s16 u16", quantized: "", maxRank, operators: "Mod" },

  {
    plain: EVERY,
    quantized: ALL,
    maxRank,
    operators: `
      Concat Expand EyeLike Flatten Gather GatherElements GatherND Identity Pad Reshape ScatterElements ScatterND Shape Size Split Squeeze
      Transpose Unsqueeze`,
  },
  { plain: EVERY, quantized: "u8 s8 s16", maxRank, operators: "Tile" },
  { plain: EVERY, quantized: BYTES, maxRank, operators: "Slice" },
  { plain: EVERY, quantized: ALL, maxRank, data: 2, operators: "OneHot" },
  {
    plain: `${EVERY} s4 u4`,
    quantized: ALL,
    maxRank,
    operators:
      "Cast CastLike DequantizeLinear QuantizeLinear com.microsoft:DequantizeLinear com.microsoft:QuantizeLinear",
  },
];
