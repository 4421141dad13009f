/** Profile `webgpu`: any GPU behind WebGPU, in browsers and in Node, through ONNX Runtime's WebGPU provider. */
import { all, contrib, TWO_GIGABYTES, type OperatorSupport, type OperatorRules } from "./profile.js";

const LIMITED: Readonly<Record<string, OperatorSupport>> = {
  Conv: { maxRank: 4 },
  DequantizeLinear: { inputTypes: { 0: ["int8", "uint8", "int32", "int4", "uint4"] } },
  GridSample: { until: 19 },
  "com.microsoft:GroupQueryAttention": {
    attributes: {
      causal: {
        allowed: [1],
        missing: 1,
        otherwise: "the provider takes the node and then rejects the graph (causal=0 is not implemented)",
      },
      softcap: {
        allowed: [0],
        missing: 0,
        otherwise: "the provider leaves the cap out and computes something else",
      },
    },
  },
};

export const WEBGPU: OperatorRules = {
  sources: [
    {
      document:
        "onnxruntime/core/providers/webgpu/webgpu_execution_provider.cc, contrib_ops/webgpu (registered kernels)",
      version: "onnxruntime main of 2026, before 1.30",
    },
    {
      document: "attributes of GroupQueryAttention: graphs run on SwiftShader (npm run e2e:webgpu)",
      version: "onnxruntime-node 1.30.0",
    },
  ],
  operators: {
    ...all(`
      Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Clip Concat
      Constant ConvTranspose Cos Cosh CumSum DepthToSpace Div Einsum Elu Equal Erf Exp Expand Flatten Floor Gather
      GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid Identity If
      InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log LpNormalization MatMul MaxPool Mul Neg Not
      Pad Pow RMSNormalization Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean
      ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize RotaryEmbedding ScatterElements ScatterND Shape
      Sigmoid SimplifiedLayerNormalization Sin Sinh Slice Softmax Softplus Split Sqrt Squeeze Sub Tan Tanh
      ThresholdedRelu Tile TopK Transpose Unsqueeze Where`),
    ...contrib(`
      Attention BiasAdd BiasGelu BiasSplitGelu CausalConvWithState FastGelu FusedConv GatherBlockQuantized Gelu
      GroupQueryAttention LinearAttention MatMulNBits MultiHeadAttention QMoE QuickGelu RotaryEmbedding
      SkipLayerNormalization SkipSimplifiedLayerNormalization`),
    ...LIMITED,
  },
  operatorsAreComplete: true,
  dtypes: ["float32", "float16", "bool", "int32", "uint32", "int64", "int8", "uint8", "int4", "uint4"],
  convertedTypes: { int64: "the CPU computes most of it unless enableInt64 is set" },
  controlFlow: "allowed",
  maxWeightBytes: TWO_GIGABYTES,
  wantsNames: false,
};
