/** One program per kernel of the recording backend. */
import type { HostTensor } from "@slm/runtime";
import { tf, type Tensor } from "../recording/tf.js";
import { float32, int32, random } from "./numbers.test-support.js";
import type { OpCase } from "./op-case.test-support.js";

const kernelCase = (
  name: string,
  inputs: Readonly<Record<string, HostTensor>>,
  build: (...operands: Tensor[]) => Tensor,
): OpCase => ({
  name,
  inputs,
  differentiable: [],
  build: (x) => build(...Object.keys(inputs).map((key) => x[key]!)),
});

const a = random([2, 3], 1);
const b = float32([2, 3], [0.5, 1, 2, -0.25, 3, 0.125]);
const positive = float32([2, 3], [0.5, 1, 2, 0.25, 3, 0.125]);
const row = random([3], 2);
const cube = random([2, 3, 4], 3);

const asFloat = (x: Tensor): Tensor => tf.cast(x, "float32");

const unary = (op: (x: Tensor) => Tensor): OpCase[] => [kernelCase("matrix", { x: positive }, op)];

const binary = (op: (x: Tensor, y: Tensor) => Tensor): OpCase[] => [
  kernelCase("equal shapes", { a, b }, op),
  kernelCase("broadcast", { a, row }, op),
];

const compare = (op: (x: Tensor, y: Tensor) => Tensor): OpCase[] =>
  binary((x, y) => asFloat(op(x, tf.maximum(y, x)))).concat(binary((x, y) => asFloat(op(x, y))));

const reduce = (op: (x: Tensor, axis?: number[], keepDims?: boolean) => Tensor): OpCase[] => [
  kernelCase("all axes", { cube }, (x) => op(x)),
  kernelCase("last axis", { cube }, (x) => op(x, [-1])),
  kernelCase("two axes kept", { cube }, (x) => op(x, [0, 2], true)),
];

const segments = (ids: readonly number[], count: number): OpCase[] => [
  kernelCase(
    `${ids.length} rows into ${count}`,
    { x: random([ids.length, 2], 1), ids: int32([ids.length], ids) },
    (x, rows) => tf.unsortedSegmentSum(x, rows as tf.Tensor1D, count),
  ),
];

/** By kernel name; a kernel without a case fails a test. */
export const KERNEL_CASES: Readonly<Record<string, readonly OpCase[]>> = {
  Add: binary((x, y) => tf.add(x, y)),
  Sub: binary((x, y) => tf.sub(x, y)),
  Multiply: binary((x, y) => tf.mul(x, y)),
  RealDiv: [kernelCase("matrix", { a, b }, (x, y) => tf.div(x, y))],
  FloorDiv: [
    kernelCase("whole numbers", { x: int32([4], [0, 1, 5, 6]), y: int32([1], [3]) }, (x, y) =>
      asFloat(tf.floorDiv(x, y)),
    ),
  ],
  Maximum: binary((x, y) => tf.maximum(x, y)),
  Minimum: binary((x, y) => tf.minimum(x, y)),
  Greater: compare((x, y) => tf.greater(x, y)),
  GreaterEqual: compare((x, y) => tf.greaterEqual(x, y)),
  Less: compare((x, y) => tf.less(x, y)),
  LessEqual: compare((x, y) => tf.lessEqual(x, y)),
  Equal: compare((x, y) => tf.equal(x, y)),
  LogicalAnd: binary((x, y) => asFloat(tf.logicalAnd(tf.greater(x, 0), tf.greater(y, 0)))),
  Abs: unary((x) => tf.abs(tf.neg(x))),
  Floor: unary((x) => tf.floor(tf.mul(x, 4))),
  Neg: unary((x) => tf.neg(x)),
  Erf: unary((x) => tf.erf(x)),
  Exp: unary((x) => tf.exp(x)),
  Log: unary((x) => tf.log(x)),
  Tanh: unary((x) => tf.tanh(x)),
  Sqrt: unary((x) => tf.sqrt(x)),
  Sigmoid: unary((x) => tf.sigmoid(x)),
  Reciprocal: unary((x) => tf.reciprocal(x)),
  Sign: [
    kernelCase("both signs and zero", { x: float32([5], [-2, -1e-30, 0, 1e-30, 3]) }, (x) => tf.sign(x)),
  ],
  Identity: unary((x) => tf.clone(x)),
  Square: unary((x) => tf.square(x)),
  Rsqrt: unary((x) => tf.rsqrt(x)),
  Select: [kernelCase("matrix", { a, b }, (x, y) => tf.where(tf.greater(x, y), x, y))],
  Sum: reduce((x, axis, keepDims) => tf.sum(x, axis, keepDims)),
  Mean: reduce((x, axis, keepDims) => tf.mean(x, axis, keepDims)),
  Max: reduce((x, axis, keepDims) => tf.max(x, axis, keepDims)),
  Softmax: [kernelCase("cube", { cube }, (x) => tf.softmax(x))],
  LogSoftmax: [kernelCase("cube", { cube }, (x) => tf.logSoftmax(x))],
  Cast: [
    kernelCase("to int32 and back", { b }, (x) => asFloat(tf.cast(x, "int32"))),
    kernelCase("to bool and back", { b }, (x) => asFloat(tf.cast(x, "bool"))),
  ],
  Reshape: [kernelCase("inferred axis", { cube }, (x) => tf.reshape(x, [4, -1]))],
  ExpandDims: [
    kernelCase("middle", { a }, (x) => tf.expandDims(x, 1)),
    kernelCase("end", { a }, (x) => tf.expandDims(x, -1)),
  ],
  Transpose: [kernelCase("cube", { cube }, (x) => tf.transpose(x, [2, 0, 1]))],
  BatchMatMul: [
    kernelCase("matrices", { a, b }, (x, y) => tf.matMul(x, y, false, true)),
    kernelCase("batches", { x: cube, y: random([2, 5, 3], 4) }, (x, y) => tf.matMul(x, y, true, true)),
    kernelCase("broadcast batch", { x: cube, y: random([1, 4, 2], 4) }, (x, y) => tf.matMul(x, y)),
  ],
  GatherV2: [
    kernelCase("rows", { a, at: int32([2, 2], [1, 0, 1, 1]) }, (x, at) => tf.gather(x, at)),
    kernelCase("columns", { a, at: int32([2], [2, 0]) }, (x, at) => tf.gather(x, at, 1)),
  ],
  UnsortedSegmentSum: [
    ...segments([1, 3, 1, 0, 1], 4),
    ...segments(
      Array.from({ length: 150 }, (_, index) => (index * index) % 7),
      600,
    ),
  ],
  Slice: [kernelCase("to the end", { cube }, (x) => tf.slice(x, [0, 1, 1], [2, -1, 2]))],
  PadV2: [
    kernelCase("with ones", { a }, (x) =>
      tf.pad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        1,
      ),
    ),
  ],
  Concat: [kernelCase("last axis", { a, b }, (x, y) => tf.concat([x, y, x], -1))],
  SplitV: [
    kernelCase("sizes", { cube }, (x) => tf.concat(tf.split(x, [1, 3], 2).reverse(), 2)),
    kernelCase("equal parts", { cube }, (x) => tf.concat(tf.split(x, 2, -1).reverse(), 2)),
  ],
  OneHot: [
    kernelCase("values", { at: int32([3], [0, 2, 1]) }, (at) => tf.oneHot(at, 4, 0.75, 0.25, "float32")),
    kernelCase("integers", { at: int32([3], [0, 2, 1]) }, (at) => asFloat(tf.oneHot(at, 4, 1, 0, "int32"))),
  ],
  TopK: [
    kernelCase("values of the two largest", { cube }, (x) => tf.topk(x, 2).values),
    kernelCase("places, equal values in their order", { x: float32([2, 4], [1, 3, 3, 0, 2, 2, 2, 5]) }, (x) =>
      asFloat(tf.topk(x, 4).indices),
    ),
  ],
  Tile: [kernelCase("matrix", { a }, (x) => tf.tile(x, [2, 3]))],
  BroadcastTo: [kernelCase("row", { row }, (x) => tf.broadcastTo(x, [4, 3]))],
  Fill: [
    kernelCase("small", { a }, (x) => tf.add(x, tf.fill([2, 3], 2))),
    kernelCase("large", { a }, (x) => tf.concat([x, tf.fill([100, 3], 2)])),
  ],
  ZerosLike: [kernelCase("matrix", { a }, (x) => tf.zerosLike(x))],
  OnesLike: [kernelCase("matrix", { a }, (x) => tf.onesLike(x))],
};
