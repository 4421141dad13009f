/** Elementwise and shape primitives for optimizers and losses, with tfjs's names; the same in every engine. */
import { activeRecorder } from "./recording/recorder.js";
import { tf, type Tensor } from "./recording/tf.js";

/** The largest float32; comparisons with NaN are false. */
const LARGEST_FLOAT32 = (2 - 2 ** -23) * 2 ** 127;

type Operand = Tensor | number;

export const math = {
  add: (a: Operand, b: Operand): Tensor => tf.add(a, b),
  sub: (a: Operand, b: Operand): Tensor => tf.sub(a, b),
  mul: (a: Operand, b: Operand): Tensor => tf.mul(a, b),
  div: (a: Operand, b: Operand): Tensor => tf.div(a, b),
  minimum: (a: Operand, b: Operand): Tensor => tf.minimum(a, b),
  square: (x: Tensor): Tensor => tf.square(x),
  zeros: (shape: readonly number[]): Tensor => tf.zeros([...shape]),
  sqrt: (x: Tensor): Tensor => tf.sqrt(x),
  exp: (x: Tensor): Tensor => tf.exp(x),
  log: (x: Tensor): Tensor => tf.log(x),
  /** log(softmax) over the last axis. */
  logSoftmax: (x: Tensor): Tensor => tf.logSoftmax(x),
  /** Sum of all elements, a scalar. */
  sum: (x: Tensor): Tensor => tf.sum(x),
  /** Sum over some axes, which remain with length 1. */
  sumAxes: (x: Tensor, axes: readonly number[]): Tensor => tf.sum(x, [...axes], true),
  /** Matrix products over the last two axes, one for each index of the axes before. */
  matMul: (a: Tensor, b: Tensor, { transposeB = false }: { readonly transposeB?: boolean } = {}): Tensor =>
    tf.matMul(a, b, false, transposeB),
  transposeLast: (x: Tensor): Tensor =>
    tf.transpose(
      x,
      [...x.shape.keys()].map((axis) => (axis < x.rank - 2 ? axis : 2 * x.rank - 3 - axis)),
    ),
  reshape: (x: Tensor, shape: readonly number[]): Tensor => tf.reshape(x, [...shape]),
  concat: (parts: readonly Tensor[], axis: number): Tensor =>
    parts.length === 1 ? parts[0]! : tf.concat([...parts], axis),
  split: (x: Tensor, sizes: readonly number[], axis: number): Tensor[] =>
    sizes.length === 1 ? [x] : tf.split(x, [...sizes], axis),
  /** The column of the largest value of each row, the lowest on ties: `[rows, columns]` -> int32 `[rows]`. Has no gradient. */
  top1: (x: Tensor): Tensor => tf.reshape(tf.topk(x, 1).indices, [x.shape[0]]),
  /** log(softmax) of the largest value of each row [nats]: `[rows, columns]` -> `[rows]`. Has no gradient here. */
  top1LogProbability: (x: Tensor): Tensor => tf.max(tf.logSoftmax(x), 1),
  /** 1 where two tensors are equal, else 0. Has no gradient. */
  equal: (a: Tensor, b: Tensor): Tensor => tf.cast(tf.equal(a, b), "float32"),
  /** Whether a scalar is finite. Has no gradient. */
  isFinite: (x: Tensor): Tensor => tf.less(x, LARGEST_FLOAT32),
  /** `a` if a scalar condition is true, else `b`, in the shape of a. */
  where: (condition: Tensor, a: Tensor, b: Tensor): Tensor => {
    // tfjs expands the condition first, but WebGPU's provider cannot expand booleans.
    const recorder = activeRecorder();
    return recorder === undefined
      ? tf.where(condition, a, b)
      : recorder.record("Where", [condition, a, b], a.shape);
  },
  gatherRows: (x: Tensor, rows: Tensor): Tensor => tf.gather(x, rows),
} as const;
