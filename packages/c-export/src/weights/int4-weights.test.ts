/** int4 weights against float32 weights of the same values. */
import { createRandom } from "@slm/generation";
import { decoderOnlyConfig, initializeWeights, type Weights } from "@slm/model";
import { expect, test } from "vitest";
import { compileModel, PortableModel, readModule } from "../index.js";
import { BLOCK, quantizeBlock } from "./quantize-block.js";

/** Widths that are not multiples of 4, 16 or 32. */
const config = decoderOnlyConfig.parse({
  architecture: "decoder-only",
  width: 70,
  heads: 4,
  kvHeads: 2,
  headDim: 6,
  feedForward: 37,
  decoderLayers: 2,
  maxSource: 9,
  maxTarget: 6,
  vocabularySize: 21,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
});
const random = createRandom(3);

/** Weights that blocks of codes and scales express exactly. */
function expressible(weights: Weights): Weights {
  return new Map(
    Array.from(weights, ([name, weight]) => {
      const [, inputs] = weight.shape;
      if (inputs === undefined) return [name, weight];
      const data = Float32Array.from(weight.data as Float32Array, (_, at) =>
        (at % inputs) % BLOCK === 0 ? -8 : Math.floor(random.next() * 16) - 8,
      ).map((code) => code / 16);
      return [name, { ...weight, data }];
    }),
  );
}

test("int4 weights that blocks express exactly have the logits of float32 weights", async () => {
  const weights = expressible(initializeWeights(config, random.next));
  const [float32, int4] = await Promise.all(
    (["float32", "int4"] as const).map(async (form) =>
      PortableModel.open(await readModule(), compileModel({ config, weights }, form)),
    ),
  );
  // A step of one token, then several at once: both kernels.
  for (const ids of [[4], [5, 9, 12, 3]]) {
    const expected = Float32Array.from(float32!.step(ids, ids.length));
    const actual = int4!.step(ids, ids.length);
    const most = expected.reduce((sum, value, at) => Math.max(sum, Math.abs(value - actual[at]!)), 0);
    // Activations have 14 bits.
    expect(most / Math.max(...expected)).toBeLessThan(2e-3);
  }
});

test("a block has at most the error of the largest weight at -8", () => {
  const weights = Float32Array.from({ length: BLOCK }, () => random.next() - 0.5);
  const { scaleBits, codes } = quantizeBlock(weights);
  const word = new DataView(new ArrayBuffer(4));
  word.setUint32(0, scaleBits << 16);
  const scale = word.getFloat32(0);
  const error = (by: number): number =>
    weights.reduce(
      (sum, value) => sum + (value - by * Math.max(-8, Math.min(7, Math.round(value / by)))) ** 2,
      0,
    );
  const largest = weights.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  expect(error(scale)).toBeLessThanOrEqual(error(largest / -8));
  expect(codes.every((code) => code >= -8 && code <= 7)).toBe(true);
});

test("a block of zeros has codes of zero", () => {
  expect(quantizeBlock(new Float32Array(5))).toEqual({ scaleBits: 0, codes: new Int8Array(5) });
});
