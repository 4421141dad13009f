/**
 * Standard ONNX operators: the first opset of each, removed operators, and operators that are defined as functions of
 * other operators. Source: the schemas of onnx 1.18 to 1.23, opsets 1 to 28 (`onnx.defs.get_all_schemas_with_history`).
 */

const SINCE: readonly (readonly [number, string])[] = [
  [
    1,
    `Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat Constant Conv ConvTranspose
     DepthToSpace Div Dropout Elu Equal Exp Flatten Floor GRU Gather Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool
     Greater HardSigmoid Hardmax Identity If InstanceNormalization LRN LSTM LeakyRelu Less Log LogSoftmax Loop
     LpNormalization LpPool MatMul Max MaxPool MaxRoiPool Mean Min Mul Neg Not Or PRelu Pad Pow RNN RandomNormal
     RandomNormalLike RandomUniform RandomUniformLike Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
     ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Selu Shape Sigmoid Size Slice
     Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Tile TopK Transpose Unsqueeze Upsample Xor`,
  ],
  [7, "Acos Asin Atan Cos Multinomial Sin Tan"],
  [8, "Expand Scan"],
  [
    9,
    `Acosh Asinh Atanh Compress ConstantOfShape Cosh Erf EyeLike IsNaN MaxUnpool MeanVarianceNormalization NonZero
     OneHot Scatter Shrink Sign Sinh TfIdfVectorizer Where`,
  ],
  [
    10,
    `ConvInteger DequantizeLinear IsInf MatMulInteger Mod NonMaxSuppression QLinearConv QLinearMatMul QuantizeLinear
     Resize ReverseSequence RoiAlign StringNormalizer ThresholdedRelu`,
  ],
  [
    11,
    `BitShift ConcatFromSequence CumSum Det DynamicQuantizeLinear GatherElements GatherND Range Round ScatterElements
     ScatterND SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence
     Unique`,
  ],
  [12, "Celu Einsum GreaterOrEqual LessOrEqual NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss"],
  [14, "HardSwish Trilu"],
  [15, "Bernoulli CastLike Optional OptionalGetElement OptionalHasElement"],
  [16, "GridSample"],
  [17, "BlackmanWindow DFT HammingWindow HannWindow LayerNormalization MelWeightMatrix STFT SequenceMap"],
  [18, "BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im GroupNormalization Mish"],
  [19, "DeformConv"],
  [20, "AffineGrid Gelu ImageDecoder RegexFullMatch StringConcat StringSplit"],
  [23, "Attention RMSNormalization RotaryEmbedding"],
  [24, "Swish TensorScatter"],
  [26, "BitCast CumProd"],
  [27, "CausalConvWithState LinearAttention"],
  [28, "SwiGLU"],
];

/** First opset of each operator. */
export const STANDARD_SINCE: ReadonlyMap<string, number> = new Map(
  SINCE.flatMap(([opset, names]) => names.split(/\s+/).map((name) => [name, opset] as const)),
);

/** Removed operators, with the first opset that lacks them. */
export const REMOVED_IN: ReadonlyMap<string, number> = new Map([
  ["Upsample", 10],
  ["Scatter", 11],
]);

/** Operators that ONNX defines as functions of other operators: a runtime without a kernel expands them. */
export const FUNCTION_OPERATORS: ReadonlySet<string> = new Set(
  `AffineGrid Attention Bernoulli BlackmanWindow CastLike Celu CenterCropPad Clip DynamicQuantizeLinear Elu Gelu
   GreaterOrEqual GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish LayerNormalization LeakyRelu
   LessOrEqual LogSoftmax MeanVarianceNormalization Mish NegativeLogLikelihoodLoss PRelu RMSNormalization Range ReduceL1
   ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare Relu RotaryEmbedding Selu SequenceMap Shrink Softmax
   SoftmaxCrossEntropyLoss Softplus Softsign Swish ThresholdedRelu`.split(/\s+/),
);

/** Operators that ONNX Runtime registers in the default domain although ONNX does not define them. */
export const RUNTIME_ONLY: ReadonlySet<string> = new Set(
  `SimplifiedLayerNormalization Affine Crop DynamicSlice ImageScaler ParametricSoftplus Scale ScaledTanh`.split(
    /\s+/,
  ),
);

/**
 * Versions that ONNX Runtime loads, for every provider. Source: onnxruntime 1.30.0 rejects newer files; its
 * documentation guarantees kernels for opset 7 and later. 1.32.0 loads opset 28 and format 14.
 */
export const RUNTIME_VERSIONS = {
  name: "ONNX Runtime 1.30",
  opset: { min: 7, max: 26 },
  irVersion: 13,
} as const;
