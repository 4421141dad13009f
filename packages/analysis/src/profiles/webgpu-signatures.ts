/**
 * Element types that ONNX Runtime's WebGPU provider supports, by operator. Found with onnxruntime-node 1.30.0 on SwiftShader (`npm run
 * interop:compilers -- --compiler webgpu`), by running single operators of every type and rank once. SwiftShader does not support float16:
 * the provider placed those kernels, but they were not run.
 */
import type { Signature } from "./signatures.js";

const FLOATS = "f32 f16";
const NUMBERS = "f32 f16 i32 u32";

/** Every operator supports the highest rank of a tensor. */
const maxRank = 8;
const quantized = "";

export const WEBGPU_SIGNATURES: readonly Signature[] = [
  {
    plain: FLOATS,
    quantized,
    maxRank,
    operators: `
      Abs Acos Acosh Asin Asinh Atan Atanh AveragePool BatchNormalization Ceil Conv ConvTranspose Cos Cosh DepthToSpace
      Einsum Elu Erf Exp Floor GatherElements Gelu GlobalAveragePool GlobalMaxPool GridSample GroupNormalization
      HardSigmoid HardSwish InstanceNormalization LayerNormalization LeakyRelu Log LpNormalization MatMul MaxPool Mish
      Neg PRelu RMSNormalization Reciprocal Relu RotaryEmbedding Sigmoid SimplifiedLayerNormalization Sin Sinh Slice
      Softmax Softplus Sqrt Swish Tan Tanh ThresholdedRelu TopK com.microsoft:BiasGelu com.microsoft:FastGelu
      com.microsoft:Gelu com.microsoft:MultiHeadAttention com.microsoft:QuickGelu com.microsoft:SkipLayerNormalization
      com.microsoft:SkipSimplifiedLayerNormalization`,
  },
  {
    plain: NUMBERS,
    quantized,
    maxRank,
    operators: `
      Add ArgMax ArgMin Clip Concat CumSum Div Equal GatherND Gemm Greater GreaterOrEqual Identity Less LessOrEqual Max
      Min Mul Pad ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
      ReduceSumSquare Resize ScatterElements ScatterND Split Squeeze Sub Tile Transpose Trilu`,
  },
  { plain: "f32 f16 i32", quantized, maxRank, operators: "Pow" },
  { plain: "f32", quantized, maxRank, operators: "GRU LSTM" },
  { plain: `${NUMBERS} b`, quantized, maxRank, operators: "Flatten Unsqueeze" },
  { plain: `${NUMBERS} b`, quantized, maxRank, data: 1, operators: "Where" },
  { plain: `${NUMBERS} b u8`, quantized, maxRank, operators: "Expand Gather Reshape" },
  { plain: "b", quantized, maxRank, operators: "And Not" },
];
