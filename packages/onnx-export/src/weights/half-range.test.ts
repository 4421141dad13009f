import type { EncoderDecoderConfig, ModelConfig, Weights } from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { decoderOnly, encoderDecoder, randomCheckpoint } from "../tiny-checkpoint.test-support.js";
import { fitHalfRange } from "./half-range.js";

const gated: EncoderDecoderConfig = { ...encoderDecoder, activation: "geglu" };

/** Random weights, larger in feed-forward blocks. */
function weightsOf(config: ModelConfig, factor: number): Map<string, HostTensor> {
  const { weights } = randomCheckpoint(config);
  return new Map(
    [...weights].map(([name, { shape, data }]) => {
      const scale = name.includes("feedForward.") ? factor : 1;
      const values = Float32Array.from(data as Float32Array, (value) => value * scale);
      return [name, createHostTensor("float32", shape, values)];
    }),
  );
}

/** The factor of a weight, which is the same for all its numbers. */
function factorOf(before: Weights, after: Weights, name: string): number {
  const [old, made] = [before, after].map((weights) => weights.get(name)!.data as Float32Array) as [
    Float32Array,
    Float32Array,
  ];
  const at = old.findIndex((value) => value !== 0);
  const factor = made[at]! / old[at]!;
  expect(made, name).toEqual(old.map((value) => value * factor));
  return factor;
}

describe(fitHalfRange, () => {
  test.each([
    ["sums within float16", gated, 1],
    ["norms after residual sums", { ...gated, normPlacement: "post" }, 1000],
    ["layer norms", { ...gated, norm: "layer" }, 1000],
    ["norms at the end of branches", { ...gated, postNorm: true }, 1000],
    ["norms of heads", { ...gated, qkNorm: true }, 1000],
  ] as const)("leaves a model as it is that has %s", (_name, config, factor) => {
    const weights = weightsOf(config, factor);
    const fitted = fitHalfRange(config, weights);
    expect(fitted.weights).toBe(weights);
    expect(fitted.divisors.size).toBe(0);
  });

  test.each([["geglu"], ["relu"], ["gelu"]] as const)(
    "multiplies weights by powers of two whose product along a branch is that of the stream: %s",
    (activation) => {
      const config: EncoderDecoderConfig = { ...encoderDecoder, activation };
      const weights = weightsOf(config, 1000);
      const { weights: fitted, divisors } = fitHalfRange(config, weights);
      const of = (name: string): number => factorOf(weights, fitted, name);
      for (const name of weights.keys()) expect(Number.isInteger(Math.log2(of(name))), name).toBe(true);
      for (const [stack, count] of [
        ["encoder", 2],
        ["decoder", 2],
      ] as const) {
        let divisor = 1;
        for (let layer = 0; layer < count; layer++) {
          for (const [branch, first, last] of [
            ["attention", "value", "output"],
            ...(stack === "decoder" ? ([["crossAttention", "value", "output"]] as const) : []),
            ["feedForward", "up", "down"],
          ] as const) {
            const name = `${stack}.layers.${layer}.${branch}`;
            expect(divisors.get(`${name}Norm.weight`)).toBe(divisor);
            const carry = fitted.get(`${name}.carry`)?.data[0] ?? 1;
            divisor /= Number(carry);
            expect(of(`${name}.${first}.weight`) * of(`${name}.${last}.weight`)).toBe(1 / divisor);
            expect(of(`${name}.${first}.bias`)).toBe(of(`${name}.${first}.weight`));
            expect(of(`${name}.${last}.bias`)).toBe(1 / divisor);
            // The argument of a plain GELU cannot be divided.
            if (branch === "feedForward" && activation === "gelu") expect(of(`${name}.up.weight`)).toBe(1);
          }
        }
        expect(divisor).toBeGreaterThan(1);
        expect(divisors.get(`${stack}.norm.weight`)).toBe(divisor);
      }
      expect([of("embedding.weight"), of("encoder.layers.0.attention.query.weight")]).toEqual([1, 1]);
    },
  );

  test("fits a decoder-only model, too", () => {
    const config = { ...decoderOnly, activation: "swiglu" } as const;
    const { divisors } = fitHalfRange(config, weightsOf(config, 1000));
    expect(divisors.get("decoder.norm.weight")).toBeGreaterThan(1);
  });
});
