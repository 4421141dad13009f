/** Rotary position embedding (Su et al. 2021, arXiv:2104.09864), rotate-half layout. */
import { SlmError } from "@slm/core";
import { int } from "@slm/onnx";
import { activeRecorder, CONTRIB } from "../recording/recorder.js";
import { tf, type Tensor } from "../recording/tf.js";
import type { OptionalRotation, Rotation } from "./signatures.js";

/** cos and sin of every position and frequency, each `[positions, headDim / 2]` row major. */
export interface RotaryTable {
  readonly positions: number;
  readonly half: number;
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/**
 * Angles position / base^(2i / headDim), or position · frequency if there are frequencies, computed in double precision.
 *
 * @throws SlmError SHAPE_MISMATCH unless there is one frequency per pair.
 */
export function rotaryTable(
  positions: number,
  headDim: number,
  { ropeTheta, ropeInverseFrequencies }: Rotation,
): RotaryTable {
  if (ropeInverseFrequencies !== undefined && ropeInverseFrequencies.length !== headDim / 2) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `rotary: headDim ${headDim} needs ${headDim / 2} frequencies, got ${ropeInverseFrequencies.length}`,
    );
  }
  const half = headDim / 2;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle =
        ropeInverseFrequencies === undefined
          ? position / Math.pow(ropeTheta, (2 * i) / headDim)
          : position * ropeInverseFrequencies[i]!;
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { positions, half, cos, sin };
}

/** The rotation of attention; undefined if its heads are not rotated. */
export const rotationOf = ({ ropeTheta, ropeInverseFrequencies }: OptionalRotation): Rotation | undefined =>
  ropeTheta === undefined ? undefined : { ropeTheta, ropeInverseFrequencies };

/** Rotates every head of x by its position; see {@link rotary}. */
export type Turn = (x: Tensor, heads: number, positions?: Tensor) => Tensor;

/** Rotates a sequence of up to `positions`; returns x unchanged without a rotation. */
export function turnOf(positions: number, headDim: number, attributes: OptionalRotation): Turn {
  const rotation = rotationOf(attributes);
  if (rotation === undefined) return (x) => x;
  const table = rotaryTensors(rotaryTable(positions, headDim, rotation));
  return (x, heads, at) => rotary(x, table, heads, at);
}

/** A rotary table as tensors of the active backend. */
export interface RotaryTensors {
  readonly cos: Tensor;
  readonly sin: Tensor;
  readonly negativeSin: Tensor;
}

/** Uploads a table. The gradient is the inverse rotation, which has the negated sine. */
export function rotaryTensors({ positions, half, cos, sin }: RotaryTable): RotaryTensors {
  return {
    cos: tf.tensor2d(cos, [positions, half]),
    sin: tf.tensor2d(sin, [positions, half]),
    negativeSin: tf.tensor2d(
      sin.map((value) => -value),
      [positions, half],
    ),
  };
}

/**
 * Rotates every head of x by its position.
 *
 * Shapes: x `[batch, length, heads·headDim]`, positions int32 `[batch, length]`, or absent for 0, 1, ..., length - 1.
 */
export function rotary(x: Tensor, table: RotaryTensors, heads: number, positions?: Tensor): Tensor {
  return tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const [input, save] = args as [Tensor, tf.GradSaveFunc];
    save([table.cos, table.negativeSin, ...(positions === undefined ? [] : [positions])]);
    return {
      value: rotate(input, table.cos, table.sin, heads, positions),
      gradFunc: (dy: Tensor, saved: Tensor[]) => rotate(dy, saved[0]!, saved[1]!, heads, saved[2]),
    };
  })(x);
}

function rotate(x: Tensor, cos: Tensor, sin: Tensor, heads: number, positions?: Tensor): Tensor {
  const [batch, length, width] = x.shape as [number, number, number];
  const recorder = activeRecorder();
  if (recorder !== undefined) {
    const at =
      positions === undefined
        ? recorder.builder.ints([0])
        : recorder.op("Cast", [positions], { attributes: { to: int(7) } });
    return recorder.record("RotaryEmbedding", [x, at, cos, sin], x.shape, {
      domain: CONTRIB,
      attributes: { num_heads: int(heads), rotary_embedding_dim: int(width / heads) },
    });
  }
  const half = width / heads / 2;
  const rows = (table: Tensor): Tensor =>
    positions === undefined
      ? tf.reshape(tf.slice(table, [0, 0], [length, half]), [1, length, 1, half])
      : tf.reshape(tf.gather(table, positions), [batch, length, 1, half]);
  const split = tf.reshape(x, [batch, length, heads, 2 * half]);
  const first = tf.slice(split, [0, 0, 0, 0], [batch, length, heads, half]);
  const second = tf.slice(split, [0, 0, 0, half], [batch, length, heads, half]);
  const [c, s] = [rows(cos), rows(sin)];
  const rotated = tf.concat(
    [tf.sub(tf.mul(first, c), tf.mul(second, s)), tf.add(tf.mul(second, c), tf.mul(first, s))],
    3,
  );
  return tf.reshape(rotated, x.shape);
}
