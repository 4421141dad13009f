/** Shape inference of elementwise operators. */
import { attributeOf, dtypeOfCode } from "@slm/onnx";
import type { InferContext, InferRule } from "./context.js";
import { areEqual, isNumber, MAX_ELEMENTS, type Dimension, type ValueFacts } from "./facts.js";

/** Output with dtype and shape of the first input. */
export const likeFirst: InferRule = (c) => [{ dtype: c.input(0).dtype, shape: c.shape(0) }];

/** Output equal to the first input. */
const identity: InferRule = (c) => [c.input(0)];

const likeFirstBool: InferRule = (c) => [{ dtype: "bool", shape: c.shape(0) }];

type Arithmetic = (a: Dimension, b: Dimension) => Dimension;

const ofNumbers =
  (compute: (a: number, b: number) => number): Arithmetic =>
  (a, b) =>
    isNumber(a) && isNumber(b) ? compute(a, b) : "";

const times: Arithmetic = (a, b) => {
  if (a === 0 || b === 0) return 0;
  if (a === 1) return b;
  return b === 1 ? a : ofNumbers((x, y) => x * y)(a, b);
};

/** Integer division truncates (ONNX `Div`). */
const divide: Arithmetic = (a, b) => {
  if (b === 1) return a;
  return ofNumbers((x, y) => (y === 0 ? NaN : x / y))(a, b);
};

const ARITHMETIC: Readonly<Record<string, Arithmetic>> = {
  Add: (a, b) => (a === 0 ? b : b === 0 ? a : ofNumbers((x, y) => x + y)(a, b)),
  Sub: (a, b) => (b === 0 ? a : areEqual(a, b) ? 0 : ofNumbers((x, y) => x - y)(a, b)),
  Mul: times,
  Div: divide,
  Mod: ofNumbers((x, y) => (y === 0 ? NaN : x - y * Math.floor(x / y))),
  Min: ofNumbers(Math.min),
  Max: ofNumbers(Math.max),
  Pow: ofNumbers((x, y) => x ** y),
  Equal: (a, b) => {
    if (areEqual(a, b)) return 1;
    // A symbol stands for a size, which is never negative.
    if ([a, b].some((size) => isNumber(size) && size < 0) && a !== "" && b !== "") return a === b ? 1 : 0;
    return ofNumbers((x, y) => (x === y ? 1 : 0))(a, b);
  },
  Less: ofNumbers((x, y) => (x < y ? 1 : 0)),
  LessOrEqual: ofNumbers((x, y) => (x <= y ? 1 : 0)),
  Greater: ofNumbers((x, y) => (x > y ? 1 : 0)),
  GreaterOrEqual: ofNumbers((x, y) => (x >= y ? 1 : 0)),
  And: ofNumbers((x, y) => (x !== 0 && y !== 0 ? 1 : 0)),
  Or: ofNumbers((x, y) => (x !== 0 || y !== 0 ? 1 : 0)),
};

const WHOLE: ReadonlySet<string> = new Set(["int32", "int64", "bool"]);

/** Elements of a small vector or scalar operation; tensors of more axes are data, not shapes. */
function combine(c: InferContext): readonly Dimension[] | undefined {
  const compute = Object.hasOwn(ARITHMETIC, c.node.opType) ? ARITHMETIC[c.node.opType] : undefined;
  if (compute === undefined || c.inputs.length !== 2) return undefined;
  const [left, right] = [c.input(0), c.input(1)];
  if (left.elements === undefined || right.elements === undefined) return undefined;
  if ((left.shape?.length ?? 2) > 1 || (right.shape?.length ?? 2) > 1) return undefined;
  const [a, b] = [left.elements, right.elements];
  if (a.length !== b.length && a.length !== 1 && b.length !== 1) return undefined;
  const isWhole = WHOLE.has(left.dtype ?? "");
  const length = a.length === 1 ? b.length : a.length;
  return Array.from({ length }, (_, index) => {
    const value = compute(a[a.length === 1 ? 0 : index]!, b[b.length === 1 ? 0 : index]!);
    return isNumber(value) && isWhole ? Math.trunc(value) : value;
  }).map((value) => (Number.isNaN(value) ? "" : value));
}

const binary =
  (dtype?: "bool"): InferRule =>
  (c) => [
    {
      dtype: dtype ?? c.input(0).dtype ?? c.input(1).dtype,
      shape: c.broadcast(0, 1),
      elements: combine(c),
    },
  ];

const variadic: InferRule = (c) => [
  {
    dtype: c.input(0).dtype,
    shape: c.broadcast(...c.inputs.keys()),
    elements: c.inputs.length === 1 ? c.input(0).elements : combine(c),
  },
];

const where: InferRule = (c) => {
  const [condition, x, y] = [c.input(0), c.input(1), c.input(2)];
  const pick = (index: number): Dimension => {
    const at = (facts: ValueFacts): Dimension =>
      facts.elements?.[facts.elements.length === 1 ? 0 : index] ?? "";
    const chosen = at(condition);
    if (isNumber(chosen)) return chosen === 0 ? at(y) : at(x);
    return areEqual(at(x), at(y)) ? at(x) : "";
  };
  const shape = c.broadcast(0, 1, 2);
  const [size] = shape ?? [];
  const isVector = shape?.length === 1 && isNumber(size) && condition.elements !== undefined;
  const hasBoth = x.elements !== undefined && y.elements !== undefined;
  const elements =
    isVector && hasBoth && size <= MAX_ELEMENTS
      ? Array.from({ length: size }, (_, index) => pick(index))
      : undefined;
  return [{ dtype: x.dtype ?? y.dtype, shape, elements }];
};

const cast: InferRule = (c) => {
  const dtype = dtypeOfCode(attributeOf(c.node, "to", "int") ?? 0);
  const { shape, elements } = c.input(0);
  const isWhole = dtype === "int64" || dtype === "int32";
  const cut = (value: Dimension): Dimension => (isNumber(value) ? Math.trunc(value) : value);
  // A symbol stands for a size, which may be 0.
  const truth = (value: Dimension): Dimension => (isNumber(value) ? (value === 0 ? 0 : 1) : "");
  const kept = isWhole ? elements?.map(cut) : dtype === "bool" ? elements?.map(truth) : elements;
  return [{ dtype, shape, elements: kept }];
};

const negate: InferRule = (c) => {
  const { dtype, shape, elements } = c.input(0);
  return [{ dtype, shape, elements: elements?.map((value) => (isNumber(value) ? -value : "")) }];
};

const not: InferRule = (c) => {
  const { shape, elements } = c.input(0);
  const turned = elements?.map((value): Dimension => (isNumber(value) ? (value === 0 ? 1 : 0) : ""));
  return [{ dtype: "bool", shape, elements: turned }];
};

const dropout: InferRule = (c) => [...likeFirst(c), { dtype: "bool", shape: c.shape(0) }];

/** The training outputs (running mean and variance) are not inferred. */
const normalizeBatch: InferRule = (c) => likeFirst(c);

const LIKE_FIRST = [
  "Abs",
  "Acos",
  "Acosh",
  "Asin",
  "Asinh",
  "Atan",
  "Atanh",
  "Ceil",
  "Celu",
  "Clip",
  "Cos",
  "Cosh",
  "CumSum",
  "CumProd",
  "Elu",
  "Erf",
  "Exp",
  "Floor",
  "Gelu",
  "HardSigmoid",
  "HardSwish",
  "Hardmax",
  "InstanceNormalization",
  "GroupNormalization",
  "LRN",
  "LeakyRelu",
  "Log",
  "LogSoftmax",
  "LpNormalization",
  "MeanVarianceNormalization",
  "Mish",
  "PRelu",
  "Reciprocal",
  "Relu",
  "Round",
  "Selu",
  "Shrink",
  "Sigmoid",
  "Sign",
  "Sin",
  "Sinh",
  "Softmax",
  "Softplus",
  "Softsign",
  "Sqrt",
  "Swish",
  "Tan",
  "Tanh",
  "ThresholdedRelu",
  "Trilu",
  "ReverseSequence",
  "BitwiseNot",
  "Scatter",
  "ScatterElements",
  "ScatterND",
  "TensorScatter",
  "ImageScaler",
  "Affine",
];

export const ELEMENTWISE: Readonly<Record<string, InferRule>> = {
  ...Object.fromEntries(LIKE_FIRST.map((name) => [name, likeFirst])),
  ...Object.fromEntries(
    ["Add", "Sub", "Mul", "Div", "Pow", "Mod", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"].map(
      (name) => [name, binary()],
    ),
  ),
  ...Object.fromEntries(
    ["And", "Or", "Xor", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"].map((name) => [
      name,
      binary("bool"),
    ]),
  ),
  ...Object.fromEntries(["Max", "Min", "Mean", "Sum"].map((name) => [name, variadic])),
  Identity: identity,
  Neg: negate,
  Not: not,
  IsNaN: likeFirstBool,
  IsInf: likeFirstBool,
  Where: where,
  Cast: cast,
  CastLike: (c) => [{ dtype: c.input(1).dtype, shape: c.shape(0) }],
  Dropout: dropout,
  BatchNormalization: normalizeBatch,
};
