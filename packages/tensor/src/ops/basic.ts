/** Embedding, linear, norm, activation: forward by tfjs ops or one fused node, backward written by hand. */
import { SlmError } from "@slm/core";
import { float, int } from "@slm/onnx";
import { activeRecorder, CONTRIB } from "../recording/recorder.js";
import { tf, type Tensor } from "../recording/tf.js";
import { defineOp } from "./lowering.js";
import { expectShape } from "./shape-check.js";

/** Rows of a table by id. Gradient: rows summed by id. */
export const embedding = defineOp("embedding", ({ table, ids }) => {
  expectShape("embedding", "table", table, [null, null]);
  return tf.gather(table, ids);
});

/** Rows of a position table: the first ones by a slice, the rows of cached positions by a gather. */
export const positionRows = defineOp("positionRows", ({ table, sequence, pastLength }) => {
  const [, length] = sequence.shape as [number, number];
  const [positions, width] = table.shape as [number, number];
  if (length > positions || (pastLength !== undefined && length !== 1)) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `positionRows: ${length} positions, the table has ${positions}; after a past there is one (when not fused)`,
    );
  }
  if (pastLength !== undefined) return tf.reshape(tf.gather(table, pastLength), [-1, 1, width]);
  return tf.reshape(tf.slice(table, [0, 0], [length, width]), [1, length, width]);
});

const rowsOf = (x: Tensor): number => x.size / x.shape.at(-1)!;

/**
 * x · weightᵀ + bias on the last axis, as one matrix product of all rows.
 *
 * Gradient: dx = dy · weight, dweight = dyᵀ · x, dbias = sum of dy over rows.
 */
export const linear = defineOp("linear", ({ x, weight, bias }) => {
  const inputWidth = x.shape.at(-1)!;
  expectShape("linear", "weight", weight, [null, inputWidth]);
  const rows = rowsOf(x);
  const outputWidth = weight.shape[0];
  const flat = tf.reshape(x, [rows, inputWidth]);
  const product = bias === undefined ? affine(flat, weight) : affine(flat, weight, bias);
  return tf.reshape(product, [...x.shape.slice(0, -1), outputWidth]);
});

function affine(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const gradients = (dy: Tensor, saved: Tensor[]): Tensor[] => {
    const [savedX, savedWeight] = saved as [Tensor, Tensor];
    const dx = tf.matMul(dy, savedWeight);
    const dWeight = tf.matMul(dy, savedX, true, false);
    return bias === undefined ? [dx, dWeight] : [dx, dWeight, tf.sum(dy, 0)];
  };
  const forward = (
    ...args: (Tensor | tf.GradSaveFunc)[]
  ): { value: Tensor; gradFunc: (dy: Tensor, saved: Tensor[]) => Tensor[] } => {
    const save = args.at(-1) as tf.GradSaveFunc;
    const tensors = args.slice(0, -1) as Tensor[];
    save([x, weight]);
    return { value: product(tensors[0]!, tensors[1]!, tensors[2]), gradFunc: gradients };
  };
  return tf.customGrad(forward)(...(bias === undefined ? [x, weight] : [x, weight, bias]));
}

function product(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const recorder = activeRecorder();
  if (recorder !== undefined) {
    const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
    const shape = [x.shape[0], weight.shape[0]];
    const value = recorder.op("Gemm", inputs, { attributes: { transB: int(1) } });
    return recorder.tensor(recorder.markProduct(value, shape, [x, weight]), shape);
  }
  const y = tf.matMul(x, weight, false, true);
  return bias === undefined ? y : tf.add(y, bias);
}

/**
 * Root-mean-square norm over the last axis.
 *
 * Source: Zhang and Sennrich 2019 (arXiv:1910.07467), equation 4, epsilon inside the root.
 * Gradient, with r = 1/rms: dx = r·w·dy - x·r³·mean(w·dy·x), dw = sum over rows of r·dy·x.
 */
export const rmsNorm = defineOp("rmsNorm", ({ x, weight }, { epsilon }) => {
  const width = x.shape.at(-1)!;
  expectShape("rmsNorm", "weight", weight, [width]);
  const rows = rowsOf(x);
  const normed = tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const [flat, gain, save] = args as [Tensor, Tensor, tf.GradSaveFunc];
    const { y, inverse } = normalize(flat, gain, epsilon);
    save([flat, gain, inverse]);
    return {
      value: y,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [savedX, savedGain, savedInverse] = saved as [Tensor, Tensor, Tensor];
        const product = tf.mul<tf.Tensor2D>(dy, savedX);
        const alongX = tf.matMul(product, tf.reshape(savedGain, [width, 1]));
        const shrink = tf.mul(alongX, tf.mul(tf.mul(tf.square(savedInverse), savedInverse), 1 / width));
        const dx = tf.sub(tf.mul(tf.mul(dy, savedGain), savedInverse), tf.mul(savedX, shrink));
        const dGain = tf.matMul(savedInverse, product, true, false);
        return [dx, tf.reshape(dGain, [width])];
      },
    };
  })(tf.reshape(x, [rows, width]), weight);
  return tf.reshape(normed, x.shape);
});

/** {@link rmsNorm} of every head: one norm over rows of headDim elements. */
export const qkNorm = defineOp("qkNorm", ({ x, weight }, { epsilon, headDim }) => {
  const heads = x.shape.at(-1)! / headDim;
  const rows = tf.reshape(x, [...x.shape.slice(0, -1), heads, headDim]);
  return tf.reshape(rmsNorm({ x: rows, weight }, { epsilon }), x.shape);
});

function normalize(x: Tensor, weight: Tensor, epsilon: number): { y: Tensor; inverse: Tensor } {
  const recorder = activeRecorder();
  if (recorder?.dialect.normStatistics !== true) {
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
    return { y: tf.mul(tf.mul(x, inverse), weight), inverse };
  }
  const [y, inverse] = recorder.builder.node(
    "SimplifiedLayerNormalization",
    [recorder.nameOf(x), recorder.nameOf(weight)],
    {
      attributes: { axis: int(-1), epsilon: float(epsilon), stash_type: int(1) },
      outputs: 2,
    },
  ) as [string, string];
  return { y: recorder.tensor(y, x.shape), inverse: recorder.tensor(inverse, [x.shape[0], 1]) };
}

/** 2·sqrt(2/pi): gelu(x) = x·sigmoid(A·x + B·x³) equals x/2·(1 + tanh(A/2·x + B/2·x³)). */
const GELU_A = 2 * Math.sqrt(2 / Math.PI);
const GELU_B = GELU_A * 0.044715;

/**
 * Gaussian error linear unit (tanh approximation), written with one sigmoid so that the backward pass can reuse it.
 *
 * Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2.
 */
export const gelu = defineOp("gelu", ({ x }) => {
  const recorder = activeRecorder();
  if (recorder?.isForwardOnly === true) return recorder.record("FastGelu", [x], x.shape, { domain: CONTRIB });
  return tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const [input, save] = args as [Tensor, tf.GradSaveFunc];
    const square = tf.square(input);
    const gate = tf.sigmoid(tf.mul(input, tf.add(tf.mul(square, GELU_B), GELU_A)));
    const y = tf.mul(input, gate);
    save([square, gate, y]);
    return {
      value: y,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [savedSquare, savedGate, savedY] = saved as [Tensor, Tensor, Tensor];
        const inner = tf.add(tf.mul(savedSquare, 3 * GELU_B), GELU_A);
        const slope = tf.add(savedGate, tf.mul(tf.mul(savedY, tf.sub(1, savedGate)), inner));
        return tf.mul(dy, slope);
      },
    };
  })(x);
});

export const add = defineOp("add", ({ a, b }) => tf.add(a, b));

export const lastPosition = defineOp("lastPosition", ({ x }) => {
  const [batch, length, width] = x.shape as [number, number, number];
  return tf.reshape(tf.slice(x, [0, length - 1, 0], [batch, 1, width]), [batch, width]);
});
