import { createHostTensor, type HostTensor } from "@slm/runtime";
import { beforeAll, describe, expect, test } from "vitest";
import { termsAndGradients } from "./gradients.js";
import { tf } from "./recording/tf.js";
import { createEagerEngine } from "./engine/eager-engine.js";
import type { Engine, Program } from "./engine/program.js";
import {
  forwardProgram,
  gradientName,
  gradientProgram,
} from "./test-support/gradient-program.test-support.js";
import { numbersOf, random, relativeDifference } from "./test-support/numbers.test-support.js";
import { LOSS_CASES } from "./test-support/loss-cases.test-support.js";
import type { OpCase } from "./test-support/op-case.test-support.js";
import { OP_CASES } from "./test-support/op-cases.test-support.js";
import { MATH_CASES } from "./test-support/math-cases.test-support.js";

/**
 * Step of the central difference. Outputs are float32 (error 6e-8 each), but their weighted sum is computed in double precision, so the error of
 * a difference is about 6e-8 / STEP + STEP² · f''' / 6, or about 1e-4.
 */
const STEP = 5e-3;
const TOLERANCE = 1e-3;

let engine: Engine;
beforeAll(async () => {
  engine = await createEagerEngine("js");
});

async function weightedSum(program: Program, feeds: OpCase["inputs"], probe: HostTensor): Promise<number> {
  const { fetched } = await program.run({ feeds, fetch: ["out"] });
  const weights = numbersOf(probe);
  return numbersOf(fetched["out"]!).reduce((sum, value, index) => sum + value * weights[index]!, 0);
}

async function differences(
  program: Program,
  opCase: OpCase,
  input: string,
  probe: HostTensor,
): Promise<number[]> {
  const { shape, data } = opCase.inputs[input]!;
  const slopes: number[] = [];
  for (let index = 0; index < data.length; index++) {
    const at = async (step: number): Promise<number> => {
      const moved = Float32Array.from(data as Float32Array);
      moved[index] = moved[index]! + step;
      return weightedSum(
        program,
        { ...opCase.inputs, [input]: createHostTensor("float32", shape, moved) },
        probe,
      );
    };
    slopes.push(((await at(STEP)) - (await at(-STEP))) / (2 * STEP));
  }
  return slopes;
}

/** Cases with a gradient, and inputs small enough to move every element. */
const isChecked = ({ inputs, differentiable }: OpCase): boolean =>
  differentiable.length > 0 && differentiable.every((name) => inputs[name]!.data.length <= 100);

const groups = Object.entries({ ...OP_CASES, losses: LOSS_CASES, math: MATH_CASES })
  .map(([group, cases]) => [group, cases.filter(isChecked)] as const)
  .filter(([, cases]) => cases.length > 0);

describe.each(groups)("%s", (_group, cases) => {
  test.each(cases)("has the gradient of finite differences: $name", async (opCase) => {
    const forward = await engine.compile(forwardProgram(opCase));
    const { fetched } = await forward.run({ feeds: opCase.inputs, fetch: ["out"] });
    const { shape } = fetched["out"]!;
    const probe = random(shape, 99);
    const program = await engine.compile(gradientProgram(opCase, shape));
    const names = opCase.differentiable.map(gradientName);
    const { fetched: computed } = await program.run({ feeds: { ...opCase.inputs, probe }, fetch: names });
    for (const input of opCase.differentiable) {
      const expected = await differences(forward, opCase, input, probe);
      const actual = numbersOf(computed[gradientName(input)]!);
      expect(relativeDifference(actual, expected, 0.1), input).toBeLessThan(TOLERANCE);
    }
    expect(numbersOf(fetched["out"]!).every(Number.isFinite)).toBe(true);
  });
});

test("terms of the forward pass, including the loss, outlive it, and everything else is freed", async () => {
  await tf.setBackend("cpu");
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const x = tf.tensor1d([1, 2]);
    const { value, gradients, terms } = termsAndGradients(
      ([p]) => {
        const loss = tf.sum(tf.square(p!));
        return { loss, terms: { loss, largest: tf.max(p!) } };
      },
      [x],
    );
    expect([value, terms["loss"]!, terms["largest"]!].map((tensor) => tensor.dataSync()[0])).toEqual([
      5, 5, 2,
    ]);
    expect([...gradients[0]!.dataSync()]).toEqual([2, 4]);
  });
  expect(tf.memory().numTensors).toBe(before);
});
