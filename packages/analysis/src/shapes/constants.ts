/** Shape inference of operators that create tensors from attributes and sizes. */
import { attributeOf, dtypeOfCode, elementCount, packValues, readNumbers, type TensorValue } from "@slm/onnx";
import type { InferContext, InferRule } from "./context.js";
import { isNumber, MAX_ELEMENTS, type Dimension, type ValueFacts } from "./facts.js";

/** Facts of a constant tensor, with its elements if it is small. */
export function factsOfTensor(tensor: TensorValue): ValueFacts {
  const { dtype, shape } = tensor;
  const isSmall = elementCount(shape) <= MAX_ELEMENTS && tensor.data.byteLength > 0;
  return { dtype, shape, elements: isSmall ? readNumbers(tensor) : undefined };
}

const constant: InferRule = ({ node }) => {
  const tensor = attributeOf(node, "value", "tensor");
  if (tensor !== undefined) return [factsOfTensor(tensor)];
  const whole = attributeOf(node, "value_int", "int");
  if (whole !== undefined) return [{ dtype: "int64", shape: [], elements: [whole] }];
  const real = attributeOf(node, "value_float", "float");
  if (real !== undefined) return [{ dtype: "float32", shape: [], elements: [real] }];
  const wholes = attributeOf(node, "value_ints", "ints");
  if (wholes !== undefined) return [listFacts("int64", wholes)];
  const reals = attributeOf(node, "value_floats", "floats");
  return reals === undefined ? [] : [listFacts("float32", reals)];
};

function listFacts(dtype: "int64" | "float32", list: readonly number[]): ValueFacts {
  const elements = list.length <= MAX_ELEMENTS ? list : undefined;
  return { dtype, shape: [list.length], elements };
}

const ZERO: TensorValue = { dtype: "float32", shape: [1], data: packValues("float32", [0]) };

const constantOfShape: InferRule = (c) => {
  const value = attributeOf(c.node, "value", "tensor") ?? ZERO;
  const shape = c.input(0).elements;
  const [size] = shape ?? [];
  const fill = readNumbers(value)?.[0];
  const isVector = shape?.length === 1 && isNumber(size) && size <= MAX_ELEMENTS && fill !== undefined;
  const elements = isVector ? Array.from({ length: size }, (): Dimension => fill) : undefined;
  return [{ dtype: value.dtype, shape, elements }];
};

/** The attribute `dtype`; default float32. */
const dtypeAttribute = (c: InferContext): ValueFacts["dtype"] => dtypeOfCode(c.int("dtype", 1));

const random: InferRule = (c) => [{ dtype: dtypeAttribute(c), shape: c.ints("shape") }];

const randomLike: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const own = attributeOf(c.node, "dtype", "int");
  return [{ dtype: own === undefined ? dtype : dtypeOfCode(own), shape }];
};

const window: InferRule = (c) => [
  { dtype: dtypeOfCode(c.int("output_datatype", 1)), shape: [c.input(0).elements?.[0] ?? ""] },
];

export const CONSTANTS: Readonly<Record<string, InferRule>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  RandomNormal: random,
  RandomUniform: random,
  RandomNormalLike: randomLike,
  RandomUniformLike: randomLike,
  Bernoulli: randomLike,
  EyeLike: randomLike,
  BlackmanWindow: window,
  HammingWindow: window,
  HannWindow: window,
};
