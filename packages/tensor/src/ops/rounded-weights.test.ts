import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { tf } from "../recording/tf.js";
import { roundWeights, weightScales, type WeightGrid } from "./rounded-weights.js";

await tf.setBackend("cpu");

const normal = (shape: [number, number], seed: number): tf.Tensor2D =>
  tf.randomNormal(shape, 0, 1, "float32", seed);

const GRIDS: readonly WeightGrid[] = [
  { kind: "blocks", bits: 2, blockSize: 32 },
  { kind: "blocks", bits: 4, blockSize: 32 },
  { kind: "blocks", bits: 8, blockSize: 32 },
  { kind: "outputs" },
];

const errorOf = (x: tf.Tensor, grid: WeightGrid): number => {
  const difference = tf.norm(tf.sub(roundWeights(x, grid), x)).dataSync()[0]!;
  return difference / tf.norm(x).dataSync()[0]!;
};

describe(roundWeights, () => {
  test("is near to the weights: the more bits, the nearer", () => {
    const x = normal([64, 96], 1);
    const errors = GRIDS.map((grid) => errorOf(x, grid));
    // The quantizer's own search has 0.32 with 2 bits and 0.078 with 4 bits on such weights.
    [0.36, 0.09, 0.006, 0.02].forEach((bound, at) => {
      expect(errors[at]!).toBeLessThan(bound);
      expect(errors[at]!).toBeGreaterThan(bound / 3);
    });
  });

  test.each(GRIDS.slice(2))("does not change weights that were rounded with the same scales: %j", (grid) => {
    const once = roundWeights(normal([16, 64], 2), grid);
    expect([...roundWeights(once, grid).dataSync()]).toEqual([...once.dataSync()]);
  });

  test.each(GRIDS)("keeps zeros, and blocks of zeros: %j", (grid) => {
    const x = tf.concat([tf.zeros([1, 32]), tf.fill([1, 32], 0.5)], 1);
    const values = [...roundWeights(x, grid).dataSync()].map((value) => value + 0);
    expect(values.slice(0, 32)).toEqual(Array.from({ length: 32 }, () => 0));
    for (const value of values.slice(32)) expect(value).toBeCloseTo(0.5, 3);
  });

  test("passes gradients straight through", () => {
    const dy = normal([2, 32], 3);
    const gradient = tf.grad((x) => tf.sum(tf.mul(roundWeights(x, GRIDS[0]!), dy)))(normal([2, 32], 4));
    expect([...gradient.dataSync()]).toEqual([...dy.dataSync()]);
  });

  test("rounds to learned scales, and starts with the scales that it computes", () => {
    const x = normal([2, 64], 5);
    const grid = GRIDS[0]!;
    expect([...roundWeights(x, grid, weightScales(x, grid)).dataSync()]).toEqual([
      ...roundWeights(x, grid).dataSync(),
    ]);
    const row = tf.tensor2d([0.9, -0.9, -5, 5, 0.2, ...Array.from({ length: 27 }, () => 0)], [1, 32]);
    const values = [...roundWeights(row, grid, tf.tensor1d([1])).dataSync()].map((value) => value + 0);
    expect(values.slice(0, 6)).toEqual([1, -1, -2, 1, 0, 0]);
    // A scale that became 0 leaves no value that is not a number.
    expect([...roundWeights(row, grid, tf.tensor1d([0])).dataSync()].every(Number.isFinite)).toBe(true);
  });

  test("gives a learned scale the gradient of LSQ, and clipped weights none", () => {
    const row = tf.tensor2d([0.9, -5, 5, ...Array.from({ length: 29 }, () => 0)], [1, 32]);
    const dy = tf.tensor2d([3, 7, 11, ...Array.from({ length: 29 }, () => 1)], [1, 32]);
    const loss = (x: tf.Tensor, scale: tf.Tensor): tf.Scalar =>
      tf.sum(tf.mul(roundWeights(x, GRIDS[0]!, scale), dy));
    const [ofWeights, ofScale] = tf.grads(loss)([row, tf.tensor1d([2])]);
    expect([...ofWeights!.dataSync()].slice(0, 4)).toEqual([3, 0, 0, 1]);
    // 0.9 / 2 has code 0; -5 and 5 are clipped to the codes -2 and 1.
    expect(ofScale!.dataSync()[0]).toBeCloseTo(3 * (0 - 0.45) + 7 * -2 + 11 * 1, 5);
  });

  test("rejects blocks that do not divide the inputs", () => {
    expect(() => roundWeights(tf.zeros([2, 40]), GRIDS[0]!)).toThrow(withCode("SHAPE_MISMATCH"));
  });
});
