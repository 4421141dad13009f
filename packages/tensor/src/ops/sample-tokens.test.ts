import { describe, expect, test } from "vitest";
import { tf } from "../tf.js";
import { sampleTokens, type SampleTokensOptions } from "./sample-tokens.js";

await tf.setBackend("cpu");

const draw = (logits: number[], uniform: number[], options: SampleTokensOptions): number[] => [
  ...sampleTokens(
    tf.tensor2d(uniform.map(() => logits)),
    tf.tensor2d(uniform, [uniform.length, 1]),
    options,
  ).dataSync(),
];

/** Probabilities 1/8, 1/2, 1/4, 1/8. */
const logits = [0, Math.log(4), Math.log(2), 0];

describe(sampleTokens, () => {
  test("draws each token for its share of the unit interval", () => {
    const uniform = [0, 0.124, 0.126, 0.624, 0.626, 0.874, 0.876, 0.999999];
    expect(draw(logits, uniform, { temperature: 1, topK: 9 })).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  });

  test("sharpens the distribution at a low temperature and flattens it at a high one", () => {
    expect(draw(logits, [0.01, 0.5, 0.99], { temperature: 0.05, topK: 4 })).toEqual([1, 1, 1]);
    expect(draw(logits, [0.24, 0.26, 0.51, 0.76], { temperature: 1e4, topK: 4 })).toEqual([0, 1, 2, 3]);
  });

  test("draws among the most probable tokens only", () => {
    expect(draw(logits, [0, 0.66, 0.67, 0.999999], { temperature: 1, topK: 2 })).toEqual([1, 1, 2, 2]);
    expect(draw(logits, [0, 0.999999], { temperature: 1, topK: 1 })).toEqual([1, 1]);
  });

  test("never draws an impossible token, at either end", () => {
    const ends = [-1e9, 1, 1, -1e9];
    const uniform = [0, 1 - 2 ** -24];
    expect(draw(ends, uniform, { temperature: 1, topK: 4 })).toEqual([1, 2]);
  });

  test("draws each row by its own number", () => {
    const drawn = sampleTokens(tf.tensor2d([logits, [50, 0, 0, 0]]), tf.tensor2d([[0.5], [0.5]]), {
      temperature: 1,
      topK: 4,
    });
    expect([...drawn.dataSync()]).toEqual([1, 0]);
    expect(drawn.dtype).toBe("int32");
  });
});
