import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { relativeDifference } from "../test-support/numbers.test-support.js";
import { tf, type Tensor } from "../recording/tf.js";
import { selfAttention } from "./attention.js";
import { layerNorm } from "./layer-norm.js";
import { poolTokens } from "./pool-tokens.js";
import { concatTokens, mixTokens, shiftGrid, shiftWeights, tokensFrom } from "./tokens.js";

await tf.setBackend("cpu");

const valuesOf = (tensor: Tensor): number[] => [...tensor.dataSync()];

const single = { heads: 1, kvHeads: 1, headDim: 2, headOrder: "grouped", ropeTheta: 100 } as const;

describe(selfAttention, () => {
  const query = tf.zeros([1, 3, 2]);
  const value = tf.tensor3d([
    [
      [1, 10],
      [2, 20],
      [6, 60],
    ],
  ]);

  test("of a row without any key is finite: the mean of all values", () => {
    const mask = tf.zeros([1, 3]);
    const output = selfAttention({ query, key: query, value, mask }, { ...single, causal: true });
    expect(relativeDifference(valuesOf(output), [3, 30, 3, 30, 3, 30])).toBeLessThan(1e-6);
  });

  test("does not see values beyond the length, however large", () => {
    const lengths = tf.tensor1d([1], "int32");
    const outputs = [3, 1e6].map((late) =>
      valuesOf(
        selfAttention(
          {
            query,
            key: tf.tensor3d([
              [
                [0, 0],
                [late, late],
                [late, -late],
              ],
            ]),
            value,
            lengths,
          },
          { ...single, causal: false },
        ),
      ),
    );
    expect(outputs[0]).toEqual(outputs[1]);
  });

  test("rejects a key of another width by name", () => {
    const call = (): Tensor =>
      selfAttention({ query, key: tf.zeros([1, 3, 4]), value }, { ...single, causal: false });
    expect(call).toThrow(withCode("SHAPE_MISMATCH"));
  });
});

test("layerNorm rejects a gain or a bias of another width", () => {
  const [x, two, three] = [tf.zeros([1, 2]), tf.zeros([2]), tf.zeros([3])];
  expect(() => layerNorm({ x, weight: three, bias: two }, { epsilon: 1 })).toThrow(
    withCode("SHAPE_MISMATCH"),
  );
  expect(() => layerNorm({ x, weight: two, bias: three }, { epsilon: 1 })).toThrow(
    withCode("SHAPE_MISMATCH"),
  );
});

describe("tokens", () => {
  const x = (values: number[]): tf.Tensor => tf.tensor3d(values, [1, values.length, 1]);

  test("are put one after another, left out and mixed", () => {
    expect(valuesOf(concatTokens({ a: x([1, 2]), b: x([3]) }, {}))).toEqual([1, 2, 3]);
    expect(valuesOf(tokensFrom({ x: x([1, 2, 3]) }, { first: 2 }))).toEqual([3]);
    const weights = Float32Array.of(0.5, 0.5, 0, 0, 0, 2);
    expect(valuesOf(mixTokens({ x: x([1, 2, 3]) }, { weights, outputs: 2 }))).toEqual([1.5, 6]);
  });

  test("of another width, or weights for another count of them, are rejected", () => {
    expect(() => concatTokens({ a: x([1]), b: tf.zeros([1, 1, 2]) }, {})).toThrow(withCode("SHAPE_MISMATCH"));
    expect(() => mixTokens({ x: x([1, 2]) }, { weights: new Float32Array(3), outputs: 2 })).toThrow(
      withCode("SHAPE_MISMATCH"),
    );
  });
});

describe("a shifted grid", () => {
  const grid = { height: 2, width: 3 };

  test.each([
    [0, 1, [2, 3, 0, 5, 6, 0]],
    [0, -1, [0, 1, 2, 0, 4, 5]],
    [1, 0, [4, 5, 6, 0, 0, 0]],
    [-1, 1, [0, 0, 0, 2, 3, 0]],
  ])(
    "has every token's neighbour, and nothing from beyond an edge or around it: %i %i",
    (down, across, expected) => {
      const x = tf.tensor3d([1, 2, 3, 4, 5, 6], [1, 6, 1]);
      const shift = { ...grid, down, across };
      expect(valuesOf(shiftGrid({ x }, shift))).toEqual(expected);
      expect(valuesOf(mixTokens({ x }, { weights: shiftWeights(shift), outputs: 6 }))).toEqual(expected);
    },
  );

  test("is rejected of other tokens, or by as much as the grid is wide", () => {
    const x = tf.zeros([1, 6, 1]);
    expect(() => shiftGrid({ x }, { height: 2, width: 2, down: 0, across: 1 })).toThrow(
      withCode("SHAPE_MISMATCH"),
    );
    expect(() => shiftGrid({ x }, { ...grid, down: 2, across: 0 })).toThrow(withCode("SHAPE_MISMATCH"));
  });
});

describe(poolTokens, () => {
  const x = tf.tensor3d([1, 10, 2, 20, 4, 40, 8, 80, 16, 160], [1, 5, 2]);

  test("computes means of neighbours, with zeros for padding and after the last", () => {
    const lengths = tf.tensor1d([3], "int32");
    const pooled = poolTokens({ x, lengths }, { group: 2 });
    expect(pooled.tokens.arraySync()).toEqual([
      [
        [1.5, 15],
        [2, 20],
        [0, 0],
      ],
    ]);
    expect(valuesOf(pooled.lengths!)).toEqual([2]);
    const all = poolTokens({ x }, { group: 4 });
    expect(all.tokens.arraySync()).toEqual([
      [
        [3.75, 37.5],
        [4, 40],
      ],
    ]);
  });

  test("has a token if any position of a group is a token, wherever padding is", () => {
    const mask = tf.tensor2d([0, 0, 0, 1, 1], [1, 5]);
    const pooled = poolTokens({ x, mask }, { group: 2 });
    expect(valuesOf(pooled.mask!)).toEqual([0, 1, 1]);
    expect(pooled.lengths).toBeUndefined();
  });
});
