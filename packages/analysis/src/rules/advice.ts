/** Advice for operators that a device does not support. */

const ATTENTION =
  "write attention as MatMul, Softmax, MatMul (slm export CHECKPOINT --target npu does this), or export it without fusion";
const ROTATION = "write the rotation as Mul, Add, Slice, Neg and Concat with constant tables";
const DYNAMIC = "fix the sizes it reads, so that it becomes a constant";
const INTEGER = "use the QDQ form: QuantizeLinear, the float operator, DequantizeLinear";

const GENERAL: Readonly<Record<string, string>> = {
  Attention: ATTENTION,
  "com.microsoft:Attention": ATTENTION,
  "com.microsoft:GroupQueryAttention": ATTENTION,
  "com.microsoft:MultiHeadAttention": ATTENTION,
  "com.microsoft:RotaryEmbedding": ROTATION,
  RotaryEmbedding: ROTATION,
  SimplifiedLayerNormalization:
    "write it as RMSNormalization (opset 23), or as Mul, ReduceMean, Add, Sqrt, Div, Mul",
  "com.microsoft:SkipSimplifiedLayerNormalization": "write it as Add and RMSNormalization",
  "com.microsoft:SkipLayerNormalization": "write it as Add and LayerNormalization",
  RMSNormalization: "write it as Mul, ReduceMean, Add, Sqrt, Div, Mul",
  LayerNormalization: "write it as ReduceMean, Sub, Mul, ReduceMean, Add, Sqrt, Div, Mul, Add",
  "com.microsoft:FastGelu": "write it as Gelu (opset 20), or as its formula with Tanh",
  "com.microsoft:BiasGelu": "write it as Add and Gelu (opset 20)",
  "com.microsoft:FusedMatMul": "write it as Transpose, MatMul and Mul",
  Gelu: "write it as its formula with Erf or Tanh",
  Erf: "write Gelu as one operator (opset 20), or keep its formula as Div, Erf, Add, Mul, Mul",
  "com.microsoft:MatMulNBits": "write the weight as int4 or int8 with DequantizeLinear, then MatMul",
  "com.microsoft:DynamicQuantizeMatMul": INTEGER,
  "com.microsoft:MatMulIntegerToFloat": INTEGER,
  MatMulInteger: INTEGER,
  ConvInteger: INTEGER,
  QLinearMatMul: INTEGER,
  QLinearConv: INTEGER,
  DynamicQuantizeLinear: INTEGER,
  "com.microsoft:GatherBlockQuantized":
    "store the table as int8 or uint8 with one DequantizeLinear, or in float16",
  Range: DYNAMIC,
  Shape: DYNAMIC,
  Size: DYNAMIC,
  ConstantOfShape: DYNAMIC,
  NonZero: "its size depends on the data: use a mask of fixed size",
  Unique: "its size depends on the data: compute it before the model",
  OneHot: "gather rows of an identity matrix",
  Trilu: "make the mask a constant or an input",
  Neg: "multiply by -1",
  Expand: "let the next operator broadcast, or use Tile or Concat",
  Greater: "compute the mask before the model and pass it as an input",
  Less: "compute the mask before the model and pass it as an input",
  LSTM: "unroll it, or use attention",
  GRU: "unroll it, or use attention",
};

const USUAL =
  "use operators that the profile supports, or run this part of the model on the CPU as a separate graph";

/** Advice for an operator that a device does not support. */
export function operatorAdvice(operator: string): string {
  return Object.hasOwn(GENERAL, operator) ? GENERAL[operator]! : USUAL;
}
