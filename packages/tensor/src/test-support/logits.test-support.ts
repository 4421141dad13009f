/** Logits as plain rows, for tests of losses on the eager backend. */
import fc from "fast-check";
import type { MaskedLogits } from "../ops/masked-logits.js";
import { tf, type Tensor } from "../recording/tf.js";

export type Rows = readonly (readonly number[])[];

export const matrix = (rows: Rows): Tensor => tf.tensor2d(rows.map((row) => [...row]));

export const valueOf = (tensor: Tensor): number => tensor.dataSync()[0]!;

export const maskedRows = (rows: Rows, mask: readonly number[]): MaskedLogits => ({
  logits: matrix(rows),
  mask: tf.tensor1d([...mask]),
  count: tf.scalar(mask.reduce((sum, value) => sum + value, 0)),
});

/** A loss and its gradient with respect to the student's logits. */
export function valueAndSlope(
  masked: MaskedLogits,
  loss: (masked: MaskedLogits) => Tensor,
): { value: number; gradient: number[] } {
  const { value, grad } = tf.valueAndGrad((logits) => loss({ ...masked, logits }))(masked.logits);
  // Adding 0 turns -0 into 0.
  return { value: valueOf(value), gradient: [...grad.dataSync()].map((slope) => slope + 0) };
}

/** The distribution of one row of logits, in double precision. */
export function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** Student and teacher logits of some positions, and which of them count: at least one. */
export interface Pair {
  readonly student: Rows;
  readonly teacher: Rows;
  readonly mask: readonly number[];
}

/** Pairs of logits in [-limit, limit], float32 exactly. */
export const pairs = (limit: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 2, max: 6 })).chain(([positions, vocab]) => {
    const logit = fc.double({ min: -limit, max: limit, noNaN: true }).map((value) => Math.fround(value) + 0);
    const row = fc.array(logit, { minLength: vocab, maxLength: vocab });
    const rows = fc.array(row, { minLength: positions, maxLength: positions });
    const rest = fc.array(fc.constantFrom(0, 1), { minLength: positions - 1, maxLength: positions - 1 });
    return fc.record({ student: rows, teacher: rows, mask: rest.map((values) => [1, ...values]) });
  });
