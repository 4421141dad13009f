import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { relativeDifference } from "../test-support/numbers.test-support.js";
import { tf, type Tensor } from "../recording/tf.js";
import { cachedAttention, lengthBias, selfAttention } from "./attention.js";
import { MASKED } from "./masks.js";
import { gelu, lastPosition, linear, rmsNorm } from "./basic.js";
import { quickGelu } from "./gates.js";
import { layerNorm } from "./layer-norm.js";
import { poolTokens } from "./pool-tokens.js";
import { concatTokens, mixTokens, shiftGrid, shiftWeights, tokensFrom } from "./tokens.js";
import { rotary, rotaryTable, rotaryTensors } from "./rotary.js";

await tf.setBackend("cpu");

const valuesOf = (tensor: Tensor): number[] => [...tensor.dataSync()];
const moderate = fc.double({ min: -8, max: 8, noNaN: true }).map(Math.fround);

describe(gelu, () => {
  test("is x/2 · (1 + tanh(sqrt(2/pi) · (x + 0.044715 x³)))", () => {
    fc.assert(
      fc.property(fc.array(moderate, { minLength: 1, maxLength: 20 }), (values) => {
        const expected = values.map(
          (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
        );
        expect(relativeDifference(valuesOf(gelu({ x: tf.tensor1d(values) }, {})), expected)).toBeLessThan(
          1e-6,
        );
      }),
    );
  });

  test("is finite far from zero", () => {
    expect(valuesOf(gelu({ x: tf.tensor1d([-1e4, 1e4]) }, {}))).toEqual([-0, 1e4]);
  });
});

describe(rmsNorm, () => {
  test("divides by the root of the mean square and multiplies by the gain", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(moderate, moderate), { minLength: 1, maxLength: 8 }), (pairs) => {
        const x = pairs.map(([value]) => value);
        const weight = pairs.map(([, gain]) => gain);
        const meanSquare = x.reduce((sum, value) => sum + value * value, 0) / x.length;
        const expected = x.map((value, index) => (value / Math.sqrt(meanSquare + 1e-5)) * weight[index]!);
        const y = rmsNorm(
          { x: tf.tensor(x, [1, 1, x.length]), weight: tf.tensor1d(weight) },
          { epsilon: 1e-5 },
        );
        expect(relativeDifference(valuesOf(y), expected)).toBeLessThan(2e-6);
      }),
    );
  });

  test("rejects a gain of another width by name", () => {
    const call = (): Tensor => rmsNorm({ x: tf.zeros([2, 3]), weight: tf.ones([4]) }, { epsilon: 1e-5 });
    expect(call).toThrow(SlmError);
    expect(call).toThrow("rmsNorm: weight should be [3], got [4]");
  });
});

describe(rotary, () => {
  const headDim = 6;
  const heads = 2;
  const table = rotaryTensors(rotaryTable(12, headDim, { ropeTheta: 50 }));
  const inverse = { ...table, sin: table.negativeSin, negativeSin: table.sin };
  const x = tf.randomUniform([2, 4, heads * headDim], -1, 1, "float32", 3);
  const positions = tf.tensor2d(
    [
      [3, 0, 7, 11],
      [1, 2, 2, 5],
    ],
    [2, 4],
    "int32",
  );

  test("turns the pair (i, i + half) of every head by position / base^(2i / headDim)", () => {
    const turned = valuesOf(rotary(x, table, heads, positions));
    const before = valuesOf(x);
    const at = valuesOf(positions);
    const half = headDim / 2;
    const expected = before.map((value, index) => {
      const lane = index % headDim;
      const i = lane % half;
      const angle = at[Math.floor(index / (heads * headDim))]! / 50 ** ((2 * i) / headDim);
      const partner = before[lane < half ? index + half : index - half]!;
      return value * Math.cos(angle) + (lane < half ? -1 : 1) * partner * Math.sin(angle);
    });
    expect(relativeDifference(turned, expected)).toBeLessThan(1e-6);
  });

  test("is undone by the negative sine", () => {
    const back = rotary(rotary(x, table, heads, positions), inverse, heads, positions);
    expect(relativeDifference(valuesOf(back), valuesOf(x))).toBeLessThan(1e-6);
  });

  test("without positions counts them from 0", () => {
    const counted = tf.tensor2d(
      [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
      ],
      [2, 4],
      "int32",
    );
    expect(valuesOf(rotary(x, table, heads))).toEqual(valuesOf(rotary(x, table, heads, counted)));
  });

  test("leaves position 0 as it is", () => {
    const first = rotary(tf.slice(x, [0, 0, 0], [2, 1, -1]), table, heads);
    expect(valuesOf(first)).toEqual(valuesOf(tf.slice(x, [0, 0, 0], [2, 1, -1])));
  });
});

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

  test("of equal scores is the mean of the values it may see", () => {
    const causal = selfAttention({ query, key: query, value }, { ...single, causal: true });
    expect(relativeDifference(valuesOf(causal), [1, 10, 1.5, 15, 3, 30])).toBeLessThan(1e-6);
    const lengths = tf.tensor1d([2], "int32");
    const padded = selfAttention({ query, key: query, value, lengths }, { ...single, causal: false });
    expect(relativeDifference(valuesOf(padded), [1.5, 15, 1.5, 15, 1.5, 15])).toBeLessThan(1e-6);
  });

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

  test("reads KV head h div group when grouped, h mod kvHeads when modulo", () => {
    const layout = { heads: 4, kvHeads: 2, headDim: 2, ropeTheta: 100, causal: false } as const;
    const inputs = {
      query: tf.zeros([1, 1, 8]),
      key: tf.zeros([1, 1, 4]),
      value: tf.tensor3d([[[1, 2, 3, 4]]]),
    };
    expect(valuesOf(selfAttention(inputs, { ...layout, headOrder: "grouped" }))).toEqual([
      1, 2, 1, 2, 3, 4, 3, 4,
    ]);
    expect(valuesOf(selfAttention(inputs, { ...layout, headOrder: "modulo" }))).toEqual([
      1, 2, 3, 4, 1, 2, 3, 4,
    ]);
  });

  test("rejects a key of another width by name", () => {
    const call = (): Tensor =>
      selfAttention({ query, key: tf.zeros([1, 3, 4]), value }, { ...single, causal: false });
    expect(call).toThrow("selfAttention: key should be [1, 3, 2], got [1, 3, 4]");
  });
});

describe(cachedAttention, () => {
  test("writes the new position into its own slot of each row and keeps the rest", () => {
    const past = tf.ones([2, 1, 3, 2]);
    const { presentValue } = cachedAttention(
      {
        query: tf.zeros([2, 1, 2]),
        key: tf.zeros([2, 1, 2]),
        value: tf.tensor3d([[[5, 6]], [[7, 8]]]),
        pastKey: past,
        pastValue: past,
        pastLength: tf.tensor1d([1, 2], "int32"),
      },
      { ...single, capacity: 3 },
    );
    expect(valuesOf(presentValue)).toEqual([1, 1, 5, 6, 1, 1, 1, 1, 1, 1, 7, 8]);
  });
});

test("linear is x · weightᵀ + bias", () => {
  const inputs = {
    x: tf.tensor2d([[1, 2]]),
    weight: tf.tensor2d([
      [3, 4],
      [5, 6],
      [7, 8],
    ]),
    bias: tf.tensor1d([1, 0, -1]),
  };
  expect(valuesOf(linear(inputs, {}))).toEqual([12, 17, 22]);
});

test("lengthBias is zero at tokens and masks padding", () => {
  const bias = lengthBias({ lengths: tf.tensor1d([1, 3], "int32"), ids: tf.zeros([2, 3], "int32") }, {});
  expect(bias.shape).toEqual([2, 1, 1, 3]);
  expect(valuesOf(bias).map((value) => value + 0)).toEqual([0, MASKED, MASKED, 0, 0, 0]);
});

test("lastPosition is the last position", () => {
  expect(
    valuesOf(
      lastPosition(
        {
          x: tf.tensor3d([
            [[1], [2]],
            [[3], [4]],
          ]),
        },
        {},
      ),
    ),
  ).toEqual([2, 4]);
});

test("layerNorm has mean 0 and deviation 1 before gain and bias", () => {
  const inputs = {
    x: tf.tensor2d([
      [1, 3],
      [10, 10],
    ]),
    weight: tf.tensor1d([2, 3]),
    bias: tf.tensor1d([5, 7]),
  };
  const values = valuesOf(layerNorm(inputs, { epsilon: 1e-12 }));
  [3, 10, 5, 7].forEach((value, index) => {
    expect(values[index]).toBeCloseTo(value, 5);
  });
});

test("layerNorm rejects a gain or a bias of another width", () => {
  const [x, two, three] = [tf.zeros([1, 2]), tf.zeros([2]), tf.zeros([3])];
  expect(() => layerNorm({ x, weight: three, bias: two }, { epsilon: 1 })).toThrow(
    "layerNorm: weight should be [2]",
  );
  expect(() => layerNorm({ x, weight: two, bias: three }, { epsilon: 1 })).toThrow(
    "layerNorm: bias should be [2]",
  );
});

test("quickGelu is x times the sigmoid of 1.702 x", () => {
  const values = valuesOf(quickGelu({ x: tf.tensor1d([-1, 0, 2]) }, {}));
  [-1, 0, 2].forEach((x, index) => {
    expect(values[index]).toBeCloseTo(x / (1 + Math.exp(-1.702 * x)), 6);
  });
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
    expect(() => concatTokens({ a: x([1]), b: tf.zeros([1, 1, 2]) }, {})).toThrow(
      "concatTokens: b should be",
    );
    expect(() => mixTokens({ x: x([1, 2]) }, { weights: new Float32Array(3), outputs: 2 })).toThrow(
      "mixTokens: 2 outputs of 2 tokens need 4 weights, got 3",
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
    expect(() => shiftGrid({ x }, { height: 2, width: 2, down: 0, across: 1 })).toThrow("6 tokens as 2 x 2");
    expect(() => shiftGrid({ x }, { ...grid, down: 2, across: 0 })).toThrow("shifted by 2 and 0");
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
