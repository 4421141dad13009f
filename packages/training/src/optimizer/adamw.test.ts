import { createHostTensor, type HostTensor } from "@slm/runtime";
import { createEagerEngine, math, type Tensor } from "@slm/tensor";
import { describe, expect, test } from "vitest";
import { stepScalars } from "./optimizer.js";
import { OPTIMIZER } from "../training-config.js";
import { decays, type Chunk } from "../parameters/parameter-layout.js";
import { planRun, stateInput, stateOutput } from "../program/state-layout.js";
import { copyConfig, copySettings } from "../test-support/copy-task.test-support.js";
import { trainProgram, type LossDefinition } from "../program/train-program.js";

const settings = { ...copySettings, weightDecay: 0.1, warmupSteps: 0 };

interface Scalar {
  value: number;
  m: number;
  v: number;
}

/** Algorithm 2 of arXiv:1711.05101, one number at a time, after scaling by the clipping factor. */
function reference(state: Scalar, gradient: number, step: number, rate: number, decay: number): Scalar {
  const { beta1, beta2, epsilon } = OPTIMIZER;
  const m = beta1 * state.m + (1 - beta1) * gradient;
  const v = beta2 * state.v + (1 - beta2) * gradient ** 2;
  const mHat = m / (1 - beta1 ** step);
  const vHat = v / (1 - beta2 ** step);
  const value = state.value - rate * (mHat / (Math.sqrt(vHat) + epsilon)) - rate * decay * state.value;
  return { value, m, v };
}

/** Loss: the sum over all weights of value² / 2, whose gradient is the value itself. */
const quadratic: LossDefinition = {
  inputs: {},
  dropoutShapes: [],
  terms: [],
  build: (parameters) => {
    const halves = Object.values(parameters).map((x: Tensor) => math.mul(math.sum(math.square(x)), 0.5));
    return { loss: halves.reduce((sum, half) => math.add(sum, half)), terms: {} };
  },
};

describe("the optimizer of the training program", () => {
  test.each([1, 1e6])("is AdamW with gradients clipped to norm %f", async (maxGradNorm) => {
    const plan = planRun(copyConfig);
    const chunks = plan.model;
    const engine = await createEagerEngine("js");
    const program = await engine.compile(trainProgram("step", plan, quadratic, settings));
    const state = new Map<string, HostTensor>();
    const plain = new Map<Chunk, Scalar[]>();
    for (const chunk of chunks) {
      const values = Float32Array.from({ length: chunk.size }, (_, index) => Math.sin(index + 1));
      plain.set(
        chunk,
        Array.from(values, (value) => ({ value, m: 0, v: 0 })),
      );
      state.set(stateInput(chunk, "value"), createHostTensor("float32", [chunk.size], values));
      for (const part of ["first", "second"] as const) {
        state.set(stateInput(chunk, part), createHostTensor("float32", [chunk.size]));
      }
    }
    for (let step = 1; step <= 3; step++) {
      const scalars = { ...stepScalars(step, settings), maxGradNorm };
      const { rate } = scalars;
      const fed = Object.entries(scalars).map(
        ([name, value]) => [name, createHostTensor("float32", [], Float32Array.of(value))] as const,
      );
      const outputs = chunks.map((chunk) => stateOutput(chunk, "value"));
      const moments = chunks.flatMap((chunk) => [stateOutput(chunk, "first"), stateOutput(chunk, "second")]);
      const { fetched } = await program.run({
        feeds: { ...Object.fromEntries(state), ...Object.fromEntries(fed) },
        fetch: ["gradientNorm", ...outputs, ...moments],
      });
      const squares = [...plain.values()].flat().reduce((sum, { value }) => sum + value ** 2, 0);
      expect(Number(fetched["gradientNorm"]!.data[0])).toBeCloseTo(Math.sqrt(squares), 4);
      const clip = Math.min(1, maxGradNorm / (Math.sqrt(squares) + 1e-6));
      for (const chunk of chunks) {
        const decay = decays(chunk) ? settings.weightDecay : 0;
        const next = plain
          .get(chunk)!
          .map((scalar) => reference(scalar, clip * scalar.value, step, rate, decay));
        plain.set(chunk, next);
        const actual = fetched[stateOutput(chunk, "value")]!;
        next.forEach(({ value }, index) => {
          expect(Number(actual.data[index])).toBeCloseTo(value, 5);
        });
        state.set(stateInput(chunk, "value"), actual);
        state.set(stateInput(chunk, "first"), fetched[stateOutput(chunk, "first")]!);
        state.set(stateInput(chunk, "second"), fetched[stateOutput(chunk, "second")]!);
      }
    }
  });
});
