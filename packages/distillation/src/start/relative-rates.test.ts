import { encoderDecoderConfig, parameterSpecs, type ParameterSpec, type Weights } from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import { createHostTensor, elementCount } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { relativeRates, sizePower } from "./relative-rates.js";

const config = encoderDecoderConfig.parse({ ...TINY_SHAPE, encoderLayers: 1, bias: true });
const specs = parameterSpecs(config);
const specOf = (name: string): ParameterSpec => specs.find((spec) => spec.name === name)!;

/** Weights `times` as large as random weights; biases of 1. */
function weightsOf(times: number): Weights {
  return new Map(
    specs.map(({ name, shape: sizes, initialization }) => {
      const size = initialization.kind === "normal" ? initialization.std * times : times;
      const signs = Float32Array.from({ length: elementCount(sizes) }, (_, index) =>
        index % 2 === 0 ? size : -size,
      );
      return [name, createHostTensor("float32", sizes, signs)];
    }),
  );
}

const CROSS = "decoder.layers.0.crossAttention.query.weight";
const QUERY = "encoder.layers.0.attention.query.weight";
const NORM = "encoder.layers.0.attentionNorm.weight";
const LAST = "decoder.norm.weight";

interface Case {
  readonly times?: number;
  readonly fromTeacher?: readonly string[];
  readonly initialize?: { readonly rate?: number; readonly warmupSteps?: number };
  readonly isScaled?: boolean;
}

/** The learning-rate factor of a weight in a step. */
function rates({ times = 1, fromTeacher = [QUERY, NORM, LAST], initialize = {}, isScaled = true }: Case) {
  const started = { weights: weightsOf(times), fromTeacher: new Set(fromTeacher) };
  const groups = relativeRates({ config, initialize, warmupSteps: 4, started, isScaled });
  return (name: string, step = 1): number => {
    const group = groups.groupOf(name);
    return group === undefined ? 1 : groups.factorAt(group, step);
  };
}

describe(relativeRates, () => {
  test("are a quarter of the schedule's for teacher weights of usual size, and the schedule's for new weights", () => {
    const factor = rates({});
    expect([QUERY, NORM].map((name) => factor(name))).toEqual([0.25, 0.25]);
    expect([CROSS, "decoder.layers.0.attention.query.weight"].map((name) => factor(name))).toEqual([1, 1]);
  });

  test.each([
    [8, 2],
    [0.3, 0.0625],
    [1000, 4],
    [0.0001, 0.25 / 16],
  ])("go with the size of the teacher's weights: %f times as large have the factor %f", (times, expected) => {
    const factor = rates({ times });
    expect([QUERY, NORM].map((name) => factor(name))).toEqual([expected, expected]);
  });

  test("are initialize.rate times the rate of random weights", () => {
    expect(rates({ times: 4, initialize: { rate: 1 } })(QUERY)).toBe(4);
  });

  test("of cross-attention from the teacher's self-attention depend only on its size", () => {
    expect(rates({ times: 2, fromTeacher: [CROSS] })(CROSS)).toBe(2);
  });

  test("of a scaled last norm is the schedule's; of an unscaled one, the teacher's", () => {
    expect(rates({ times: 2, isScaled: true })(LAST)).toBe(1);
    expect(rates({ times: 2, isScaled: false })(LAST)).toBe(0.5);
  });

  test("are 0 while only cross-attention and the last norm learn, and then rise", () => {
    const factor = rates({ initialize: { warmupSteps: 2 } });
    const fresh = "decoder.layers.0.feedForward.up.weight";
    expect([1, 2, 3, 6, 9].map((step) => factor(QUERY, step))).toEqual([0, 0, 0.0625, 0.25, 0.25]);
    expect([1, 2, 4, 9].map((step) => factor(fresh, step))).toEqual([0, 0, 0.5, 1]);
    expect([CROSS, LAST].map((name) => factor(name))).toEqual([1, 1]);
  });

  test("of biases, which start at zero, do not depend on size", () => {
    expect(sizePower(specOf("encoder.layers.0.attention.query.bias"), weightsOf(9).get(QUERY)!)).toBe(0);
  });

  test("of an all-zero weight is the rate of a weight of usual size", () => {
    expect(sizePower(specOf(QUERY), weightsOf(0).get(QUERY)!)).toBe(0);
  });
});
