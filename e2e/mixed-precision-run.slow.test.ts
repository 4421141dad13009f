/** Trains in float16 on ONNX Runtime's CPU provider: overflows, loss scaling, and the scale in the saved state. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { createEagerEngine, createOnnxEngine, math, type Engine } from "@slm/tensor";
import { METRICS_FILE, train, type Objective, type TrainReport } from "@slm/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  copyObjective,
  copyPairs,
  copyRequest,
  copySettings,
} from "../packages/training/src/test-support/copy-task.test-support.js";

let runtime: Runtime;
let engine: Engine;
beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 2 });
  engine = createOnnxEngine(runtime);
});
afterAll(() => runtime.close());

const root = temporaryFolder({ each: true });

const pairs = copyPairs(40, 1);
const FLOAT16 = {
  ...copySettings,
  steps: 20,
  evaluateEvery: 5,
  mixedPrecision: "float16" as const,
};
type Settings = typeof FLOAT16;
/** Too large for float16 with any loss scale. */
const OVERFLOWS = 1e9;

/** The copy task, with a factor on every step's loss. */
function scaledObjective(settings: Settings, factorOf: (step: number) => number): Objective {
  const plain = copyObjective(pairs, settings.batchSize);
  return {
    ...plain,
    feeds: async (...given) => {
      const made = await plain.feeds(...given);
      const step = Math.ceil(given[2] / settings.gradientAccumulationSteps);
      const factor = createHostTensor("float32", [], Float32Array.of(factorOf(step)));
      return { ...made, feeds: { ...made.feeds, factor } };
    },
    definition: (bucket, variant) => {
      const definition = plain.definition(bucket, variant);
      return {
        ...definition,
        inputs: { ...definition.inputs, factor: { dtype: "float32", shape: [] } },
        build: (parameters, x) => {
          const { loss, terms } = definition.build(parameters, x);
          return { loss: math.mul(loss, x["factor"]!), terms };
        },
      };
    },
  };
}

interface Run {
  readonly settings: Settings;
  readonly factorOf: (step: number) => number;
  /** Steps after which the run is interrupted and started again. */
  readonly stops?: readonly number[];
}

async function run(name: string, { settings, factorOf, stops = [] }: Run): Promise<TrainReport> {
  const objective = scaledObjective(settings, factorOf);
  const workDirectory = join(root, name);
  const common = { workDirectory, settings, engine };
  for (const stop of stops) {
    const controller = new AbortController();
    const feeds: Objective["feeds"] = (...given) => {
      if (given[2] > stop * settings.gradientAccumulationSteps) controller.abort();
      return objective.feeds(...given);
    };
    const { signal } = controller;
    const request = await copyRequest(
      { workDirectory, pairs },
      { ...common, objective: { ...objective, feeds } },
      { signal },
    );
    await expect(train(request)).rejects.toMatchObject({ code: "INTERRUPTED" });
  }
  return train(await copyRequest({ workDirectory, pairs }, { ...common, objective }));
}

/** Lines of the metrics log without times. */
async function logOf(name: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(join(root, name, METRICS_FILE), "utf8")).trim().split("\n");
  return lines.map((line) => ({
    ...(JSON.parse(line) as Record<string, unknown>),
    tokensPerSecond: 0,
    wallTime: 0,
  }));
}

const skipsSchema = z.object({ lossScale: z.number(), skippedSteps: z.number() });

const never = (): number => 1;
const atStepsFourAndNine = (step: number): number => (step === 4 || step === 9 ? OVERFLOWS : 1);

describe("a run in float16 that was interrupted ends with the weights and log of one that was not", () => {
  test.each([
    ["AdamW", {}],
    ["Muon and a moving average", { optimizer: "muon", emaDecay: 0.9 }],
    ["gradients of two batches a step", { gradientAccumulationSteps: 2 }],
    ["dropout", { dropout: 0.2 }],
    ["adapters", { lora: 2 }],
  ] as const)("%s", async (_label, changes) => {
    const settings: Settings = { ...FLOAT16, ...(changes as Partial<Settings>) };
    const given = { settings, factorOf: atStepsFourAndNine };
    const expected = await run("plain", given);
    const actual = await run("stopped", { ...given, stops: [4, 6, 13] });
    expect(actual.weights).toEqual(expected.weights);
    expect(await logOf("stopped")).toEqual(await logOf("plain"));
    const { lossScale, skippedSteps } = skipsSchema.parse(
      (await logOf("plain")).findLast((line) => "lossScale" in line),
    );
    // The test makes two steps overflow. A first gradient can also overflow by itself.
    expect(skippedSteps).toBeGreaterThanOrEqual(2);
    expect(lossScale).toBe(2 ** (16 - skippedSteps));
  });
});

test("a run of which two steps overflow ends with finite weights, and others than the run without overflows", async () => {
  const report = await run("skipped", { settings: FLOAT16, factorOf: atStepsFourAndNine });
  const whole = await run("whole", { settings: FLOAT16, factorOf: never });
  expect(report.steps).toBe(whole.steps);
  expect(report.weights).not.toEqual(whole.weights);
  for (const { data } of report.weights.values())
    for (const value of data as Float32Array) expect(value).toSatisfy(Number.isFinite);
});

test("an overflow that no scale ends is an error that names the loss, with the inputs of the step", async () => {
  const { rejects } = expect(run("hopeless", { settings: FLOAT16, factorOf: () => 1e25 }));
  await rejects.toMatchObject({
    code: "GATE_FAILED",
    message: expect.stringMatching(/at step 17: training diverged/u) as string,
  });
});

test("an engine that knows float32 alone says so", async () => {
  const request = await copyRequest(
    { workDirectory: root, pairs },
    { settings: FLOAT16, engine: await createEagerEngine("js") },
  );
  await expect(train(request)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: "mixedPrecision: engine js computes float32, got float16",
  });
});
