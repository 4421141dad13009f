/** Compares whole training steps of the compiled and the eager engine, and the compiled engine with reference numbers. */
import { join } from "node:path";
import { checkReference } from "@slm/checkpoints";
import type { Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { createEagerEngine, createOnnxEngine, type Engine } from "@slm/tensor";
import { partsOf, planRun, stateInput } from "@slm/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { relativeDifference } from "../packages/tensor/src/test-support/numbers.test-support.js";
import {
  CASES_AND_OPTIMIZERS,
  encoderDecoder,
  LOSS,
  SETTINGS,
  studentCase,
  trainOn,
} from "./training-cases.js";

let runtime: Runtime;
let onnx: Engine;
let js: Engine;

beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 2 });
  onnx = createOnnxEngine(runtime);
  js = await createEagerEngine("js");
});
afterAll(() => runtime.close());

const FIXTURES = join(import.meta.dirname, "../packages/checkpoints/fixtures/mu-reference");

test.each(["tiny-mha", "tiny-gqa"])(
  "the compiled engine gives the numbers of the paper's code: %s",
  async (name) => {
    const report = await checkReference(join(FIXTURES, name), onnx);
    expect(report.logits.maxAbs).toBeLessThan(3e-5);
    expect(report.pass).toBe(true);
  },
);

describe("three compiled training steps equal three eager ones: loss, gradient norm and every state chunk", () => {
  test.each(CASES_AND_OPTIMIZERS)("%s, %s", async (_label, optimizer, make) => {
    const made = await make(js);
    const settings = { ...SETTINGS, optimizer };
    const plan = planRun(made.config);
    const expected = await trainOn(js, made, plan, settings);
    const actual = await trainOn(onnx, made, plan, settings);
    expect(expected.losses.at(-1)!).toBeLessThan(expected.losses[0]!);
    expect(relativeDifference(actual.losses, expected.losses)).toBeLessThan(1e-5);
    expect(relativeDifference(actual.norms, expected.norms)).toBeLessThan(1e-5);
    for (const chunk of plan.trained) {
      for (const part of partsOf(chunk, settings)) {
        const name = stateInput(chunk, part);
        expect(relativeDifference(actual.state[name]!, expected.state[name]!, 1e-6), name).toBeLessThan(2e-5);
      }
    }
  });
});

describe("steps written with the operators of WebGPU's provider are those of the CPU's", () => {
  test.each(CASES_AND_OPTIMIZERS)("%s, %s", async (_label, optimizer, make) => {
    const made = await make(js);
    const settings = { ...SETTINGS, optimizer };
    const plan = planRun(made.config);
    const expected = await trainOn(onnx, made, plan, settings);
    const actual = await trainOn(createOnnxEngine(runtime, { provider: "webgpu" }), made, plan, settings);
    expect(relativeDifference(actual.losses, expected.losses)).toBeLessThan(1e-5);
    for (const [name, values] of Object.entries(expected.state))
      expect(relativeDifference(actual.state[name]!, values, 1e-6), name).toBeLessThan(2e-5);
  });
});

describe("steps whose backward pass computes activations again equal those that keep them", () => {
  test.each([
    ["one pass", "shared", undefined, "cpu"],
    ["two passes", "separate", LOSS, "cpu"],
    ["one pass, with WebGPU's operators", "shared", undefined, "webgpu"],
    ["two passes, with WebGPU's operators", "separate", LOSS, "webgpu"],
  ] as const)("encoder-decoder, %s", async (_label, variant, loss, provider) => {
    const onnx = createOnnxEngine(runtime, { provider });
    const made = studentCase(encoderDecoder("grouped", 23), variant, loss);
    const plan = planRun(made.config);
    const kept = await trainOn(onnx, made, plan, SETTINGS);
    const again = await trainOn(onnx, made, plan, { ...SETTINGS, gradientCheckpointing: true });
    expect(relativeDifference(again.losses, kept.losses)).toBeLessThan(1e-6);
    for (const [name, values] of Object.entries(kept.state))
      expect(relativeDifference(again.state[name]!, values, 1e-6), name).toBeLessThan(1e-5);
  });
});
