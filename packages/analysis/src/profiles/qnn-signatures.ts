/**
 * Element types and ranks that Qualcomm's HTP compiler supports, by operator. Found with onnxruntime-qnn 2.7.0 and onnxruntime 1.30.0 for
 * soc 60 (`npm run interop:compilers -- --compiler qnn --group probes`), by compiling single operators in every type, rank and QDQ form.
 */
import type { Signature } from "./signatures.js";

const FLOATS = "f32 f16";
const NUMBERS = "f32 f16 i32 i64";
const ALL = "u8 s8 u16 s16";
const NO_INT16 = "u8 s8 u16";
const UNSIGNED = "u8 u16";

export const QNN_SIGNATURES: readonly Signature[] = [
  { plain: NUMBERS, quantized: NO_INT16, maxRank: 5, operators: "Abs Clip" },
  { plain: "", quantized: NO_INT16, maxRank: 4, operators: "Asin" },
  {
    plain: FLOATS,
    quantized: NO_INT16,
    maxRank: 4,
    operators: "Atan Ceil Cos Floor HardSwish Log Round Sign Sin",
  },
  { plain: FLOATS, quantized: NO_INT16, maxRank: 5, operators: "Exp Pow" },
  { plain: FLOATS, quantized: UNSIGNED, maxRank: 4, operators: "LogSoftmax Neg" },
  { plain: FLOATS, quantized: UNSIGNED, maxRank: 5, maxRankOf: "f32:4 f16:4", operators: "HardSigmoid" },
  { plain: FLOATS, quantized: UNSIGNED, maxRank: 5, operators: "LeakyRelu" },
  {
    plain: FLOATS,
    quantized: ALL,
    maxRank: 5,
    operators:
      "com.microsoft:QuickGelu com.microsoft:FusedMatMul Relu Sigmoid ThresholdedRelu IsNaN Reciprocal Sum Swish",
  },
  { plain: FLOATS, quantized: ALL, maxRank: 5, maxRankOf: "s16:4", operators: "Softmax" },
  { plain: "f32", quantized: ALL, maxRank: 5, operators: "Mean" },
  {
    plain: FLOATS,
    quantized: ALL,
    maxRank: 4,
    operators: "Sqrt Tanh Tan Elu Selu Softplus LpNormalization RandomUniformLike RandomNormalLike",
  },
  {
    plain: FLOATS,
    quantized: ALL,
    maxRank: 4,
    maxRankOf: "f32:5 f16:5",
    operators: "Gelu",
  },
  { plain: FLOATS, quantized: "", maxRank: 4, operators: "Mish GroupNormalization ReduceLogSumExp Erf" },
  { plain: "b", quantized: "", maxRank: 4, operators: "And Not Or Xor" },

  {
    plain: NUMBERS,
    quantized: ALL,
    maxRank: 5,
    operators: "Add Sub Div Equal Greater Less GreaterOrEqual LessOrEqual",
  },
  { plain: `${NUMBERS} u32`, quantized: ALL, maxRank: 5, operators: "Mul" },
  { plain: `${NUMBERS} u32 s8 u8 s16 u16`, quantized: ALL, maxRank: 4, operators: "Mod" },
  { plain: `${NUMBERS} u32`, quantized: ALL, maxRank: 5, maxRankOf: "f32:4 f16:4", operators: "Max" },
  { plain: `${NUMBERS} u32`, quantized: NO_INT16, maxRank: 5, maxRankOf: "f32:4 f16:4", operators: "Min" },
  { plain: NUMBERS, quantized: ALL, maxRank: 5, data: 1, operators: "Where" },
  { plain: FLOATS, quantized: "u8 s8", maxRank: 5, operators: "PRelu" },
  { plain: NUMBERS, quantized: UNSIGNED, maxRank: 4, operators: "CumSum" },

  { plain: NUMBERS, quantized: ALL, maxRank: 5, maxRankOf: "i32:4", operators: "ReduceSum" },
  { plain: FLOATS, quantized: ALL, maxRank: 4, operators: "ReduceL2" },
  { plain: FLOATS, quantized: ALL, maxRank: 5, operators: "ReduceMean" },
  { plain: NUMBERS, quantized: ALL, maxRank: 5, maxRankOf: "f32:4 f16:4 i32:4", operators: "ReduceMax" },
  {
    plain: NUMBERS,
    quantized: NO_INT16,
    maxRank: 5,
    maxRankOf: "f32:4 f16:4 i32:4",
    operators: "ReduceMin",
  },
  { plain: `${NUMBERS} u32`, quantized: NO_INT16, maxRank: 4, operators: "ArgMax" },
  { plain: FLOATS, quantized: NO_INT16, maxRank: 4, operators: "ArgMin" },
  { plain: "f32 f16 i32", quantized: ALL, maxRank: 4, operators: "TopK" },

  {
    plain: `${NUMBERS} b u32 u8`,
    quantized: ALL,
    maxRank: 5,
    operators: "Flatten Reshape Squeeze Unsqueeze",
  },
  {
    plain: "f32 f16 b i32 u32",
    quantized: ALL,
    maxRank: 5,
    maxRankOf: "i32:4 u32:4 s16:4",
    operators: "Transpose",
  },
  { plain: `${NUMBERS} b u32`, quantized: NO_INT16, maxRank: 5, maxRankOf: "b:4", operators: "Expand" },
  { plain: `${NUMBERS} b`, quantized: NO_INT16, maxRank: 5, maxRankOf: "i32:4 b:4", operators: "Tile" },
  { plain: `${NUMBERS} b u32`, quantized: ALL, maxRank: 5, operators: "Concat ScatterND" },
  {
    plain: `${NUMBERS} b u32`,
    quantized: ALL,
    maxRank: 5,
    maxRankOf: "i32:4 u32:4 b:4",
    operators: "Identity",
  },
  { plain: `${NUMBERS} b`, quantized: ALL, maxRank: 5, operators: "Split" },
  { plain: `${NUMBERS} b u8`, quantized: ALL, maxRank: 5, operators: "Slice" },
  { plain: `${NUMBERS} b u32`, quantized: ALL, maxRank: 5, maxRankOf: "i32:4", operators: "Gather" },
  { plain: `${NUMBERS} b`, quantized: UNSIGNED, maxRank: 5, operators: "GatherElements" },
  { plain: "f32 f16 i32", quantized: ALL, maxRank: 4, operators: "GatherND" },
  { plain: `${NUMBERS} u8 u16`, quantized: UNSIGNED, maxRank: 4, operators: "ScatterElements" },
  { plain: FLOATS, quantized: NO_INT16, maxRank: 5, operators: "Pad" },
  { plain: FLOATS, quantized: NO_INT16, maxRank: 4, operators: "DepthToSpace SpaceToDepth" },
  { plain: FLOATS, quantized: NO_INT16, maxRank: 5, operators: "Resize" },
  { plain: FLOATS, quantized: ALL, maxRank: 4, operators: "Upsample com.microsoft:Gelu" },
  { plain: "f32 i32", quantized: "", maxRank: 3, data: 2, operators: "OneHot" },

  { plain: FLOATS, quantized: ALL, maxRank: 5, maxRankOf: "u16:4 s16:4", operators: "Conv ConvTranspose" },
  { plain: FLOATS, quantized: ALL, maxRank: 5, maxRankOf: "f16:4 s16:4", operators: "MatMul" },
  { plain: FLOATS, quantized: ALL, maxRank: 2, operators: "Gemm" },
  { plain: FLOATS, quantized: NO_INT16, maxRank: 4, operators: "Einsum" },
  {
    plain: FLOATS,
    quantized: ALL,
    maxRank: 4,
    operators: "MaxPool LpPool GlobalMaxPool InstanceNormalization LayerNormalization",
  },
  { plain: FLOATS, quantized: NO_INT16, maxRank: 5, operators: "AveragePool GlobalAveragePool" },
  { plain: FLOATS, quantized: "u8 s8 u16", maxRank: 4, operators: "BatchNormalization" },
  {
    plain: FLOATS,
    quantized: UNSIGNED,
    maxRank: 4,
    operators: "RMSNormalization SimplifiedLayerNormalization",
  },
  { plain: FLOATS, quantized: "u8", maxRank: 4, operators: "LRN" },
  { plain: FLOATS, quantized: UNSIGNED, maxRank: 4, operators: "GridSample" },
  { plain: FLOATS, quantized: ALL, maxRank: 4, operators: "Attention GRU LSTM RoiAlign RotaryEmbedding" },
  {
    plain: "f32 f16 b i32 u32 i64 s8 u8 s16 u16 s4 u4",
    quantized: ALL,
    maxRank: 5,
    maxRankOf: "b:4 u8:4",
    operators: "Cast CastLike",
  },
  {
    plain: "f32 f16 b i32 u32 i64 s8 u8 s16 u16 s4 u4",
    quantized: ALL,
    maxRank: 5,
    operators: "DequantizeLinear QuantizeLinear com.microsoft:DequantizeLinear com.microsoft:QuantizeLinear",
  },
];
