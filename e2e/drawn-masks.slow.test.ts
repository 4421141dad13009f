/** Tests dropout masks that a training step draws itself: the generator, its randomness, gradients, resuming. */
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { initializeWeights } from "@slm/model";
import { createHostTensor, type HostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import {
  createOnnxEngine,
  dropout,
  math,
  valueAndGradients,
  withDropout,
  drawnMasks,
  type Engine,
} from "@slm/tensor";
import {
  DROPOUT_KEY,
  dropoutKey,
  planRun,
  stepScalars,
  train,
  trainProgram,
  uploadState,
} from "@slm/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { numbersOf } from "../packages/tensor/src/test-support/numbers.test-support.js";
import {
  copyObjective,
  copyPairs,
  copyRequest,
  copySettings,
} from "../packages/training/src/test-support/copy-task.test-support.js";
import { expectedMasks, keyOf, maskProgram } from "./drawn-masks.js";
import { encoderDecoder, SETTINGS, studentCase } from "./training-cases.js";

const root = temporaryFolder();
let runtime: Runtime;
let engine: Engine;
beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 2 });
  engine = createOnnxEngine(runtime, { masks: "program" });
});
afterAll(() => runtime.close());

const scalar = (value: number): HostTensor => createHostTensor("float32", [], Float32Array.of(value));

async function drawn(
  seed: number,
  batchNumber: number,
  shapes: readonly (readonly number[])[],
  rate: number,
): Promise<readonly (readonly number[])[]> {
  const program = await engine.compile(maskProgram(shapes, rate));
  const fetch = shapes.map((_, index) => `mask.${index}`);
  const { fetched } = await program.run({ feeds: { key: dropoutKey(seed, batchNumber) }, fetch });
  await program.release();
  return fetch.map((name) => numbersOf(fetched[name]!));
}

describe("masks", () => {
  test.each([0.1, 0.3, 0.5, 0.9])(
    "are those of the generator, element by element, at rate %d",
    async (rate) => {
      const shapes = [[3, 7, 5], [2, 4], [6], [3, 7, 5]];
      const masks = await drawn(8, 3, shapes, rate);
      expect(masks).toEqual(expectedMasks(keyOf(8, 3), shapes, rate).map(numbersOf));
    },
  );

  const SHAPE = [4, 256, 512] as const;
  const COUNT = SHAPE.reduce((product, size) => product * size, 1);
  /** Limit in standard deviations for each statistic below, with half a million fair draws. */
  const WITHIN = 4.5;

  /** Dropped elements as 1 - rate, kept ones as -rate: their mean is 0 and their variance rate · (1 - rate). */
  const centred = (mask: readonly number[], rate: number): Float64Array =>
    Float64Array.from(mask, (value) => (value === 0 ? 1 : 0) - rate);

  /** Sum of products of elements, in standard deviations. @param places lists of places, each multiplied */
  function deviations(a: Float64Array, b: Float64Array, lag: number, rate: number): number {
    let sum = 0;
    for (let at = 0; at + lag < COUNT; at++) sum += a[at]! * b[at + lag]!;
    return Math.abs(sum / (rate * (1 - rate) * Math.sqrt(COUNT - lag)));
  }

  test.each([0.1, 0.5])("drop the asked share of elements, of rows and of columns: %d", async (rate) => {
    const [mask] = await drawn(1, 1, [SHAPE], rate);
    const values = centred(mask!, rate);
    const spread = Math.sqrt(rate * (1 - rate));
    const mean = values.reduce((sum, value) => sum + value, 0) / COUNT;
    expect(Math.abs(mean) * (Math.sqrt(COUNT) / spread)).toBeLessThan(WITHIN);
    const width = SHAPE[2];
    const rows = COUNT / width;
    for (const [sums, length] of [
      [new Float64Array(rows), width],
      [new Float64Array(width), rows],
    ] as const) {
      values.forEach((value, at) => (sums[length === width ? Math.floor(at / width) : at % width]! += value));
      const squares = sums.reduce((sum, value) => sum + value ** 2 / (length * spread ** 2), 0);
      // Chi-squared, with one degree of freedom per sum.
      expect(Math.abs(squares - sums.length) / Math.sqrt(2 * sums.length)).toBeLessThan(WITHIN);
    }
  });

  test.each([0.1, 0.5])("have independent elements, masks and batches: %d", async (rate) => {
    const [first, second] = await drawn(1, 1, [SHAPE, SHAPE], rate);
    const [later] = await drawn(1, 2, [SHAPE], rate);
    const [other] = await drawn(2, 1, [SHAPE], rate);
    const values = centred(first!, rate);
    const width = SHAPE[2];
    // Neighbours, the same column of other rows, the same place of other sequences, and powers of two.
    for (const lag of [1, 2, 3, 4, 7, 8, 64, width, width + 1, 3 * width, 256 * width, 1 << 16])
      expect(deviations(values, values, lag, rate), `lag ${lag}`).toBeLessThan(WITHIN);
    for (const [label, mask] of Object.entries({ second, later, other }))
      expect(deviations(values, centred(mask!, rate), 0, rate), label).toBeLessThan(WITHIN);
    // The four corners of every square, which would be dependent if masks were a sum of row and column parts.
    let corners = 0;
    for (let at = 0; at + width + 1 < COUNT; at++)
      corners += values[at]! * values[at + 1]! * values[at + width]! * values[at + width + 1]!;
    expect(Math.abs(corners) / ((rate * (1 - rate)) ** 2 * Math.sqrt(COUNT))).toBeLessThan(WITHIN);
  });
});

test("gradients pass through what was kept, by the mask of the forward pass", async () => {
  const shape = [6, 9];
  const x = createHostTensor(
    "float32",
    shape,
    Float32Array.from({ length: 54 }, (_, at) => at + 1),
  );
  const program = await engine.compile({
    name: "gradient",
    inputs: { x: { dtype: "float32", shape }, key: { dtype: "int32", shape: [] } },
    build: ({ x: input, key }) => {
      const { value, gradients } = valueAndGradients(
        ([y]) => withDropout(drawnMasks(key!, [shape], 0.4), () => math.sum(math.square(dropout(y!)))),
        [input!],
      );
      return { value, gradient: gradients[0]! };
    },
  });
  const { fetched } = await program.run({ feeds: { x, key: dropoutKey(4, 4) }, fetch: ["gradient"] });
  const mask = numbersOf(expectedMasks(keyOf(4, 4), [shape], 0.4)[0]!);
  const expected = numbersOf(x).map((value, at) => 2 * value * mask[at]! ** 2);
  numbersOf(fetched["gradient"]!).forEach((value, at) => {
    expect(value).toBeCloseTo(expected[at]!, 3);
  });
});

describe("a training step", () => {
  const made = studentCase(encoderDecoder("grouped", 23), "shared");
  const plan = planRun(made.config);
  const { dropoutShapes } = made.definition;

  /** Loss and state after two steps. @param maskFeeds masks of a batch */
  async function trained(
    on: "host" | "program",
    changes: Partial<typeof SETTINGS>,
    maskFeeds: (batch: number) => Record<string, HostTensor>,
  ): Promise<Record<string, number[]>> {
    const settings = { ...SETTINGS, dropout: 0.2, ...changes };
    const program = await engine.compile(trainProgram("step", plan, made.definition, settings, "update", on));
    const weights = initializeWeights(made.config, createRandom(3).next);
    const state = await uploadState(engine, plan, settings, weights);
    const found: Record<string, number[]> = { losses: [] };
    for (const step of [1, 2]) {
      const scalars = Object.entries(stepScalars(step, settings)).map(
        ([name, value]) => [name, scalar(value)] as const,
      );
      const feeds = { ...state.feeds, ...made.feeds, ...Object.fromEntries(scalars), ...maskFeeds(step) };
      const { fetched } = await program.run({ feeds, fetch: ["loss"], into: state.into });
      found["losses"]!.push(...numbersOf(fetched["loss"]!));
    }
    for (const [name, tensor] of Object.entries(state.feeds))
      found[name] = numbersOf(await engine.download(tensor));
    await program.release();
    await engine.release(Object.values(state.feeds));
    return found;
  }
  const drawsItself = (batch: number): Record<string, HostTensor> => ({
    [DROPOUT_KEY]: dropoutKey(5, batch),
  });
  const isGivenThem = (batch: number): Record<string, HostTensor> =>
    Object.fromEntries(
      expectedMasks(keyOf(5, batch), dropoutShapes, 0.2).map((mask, at) => [`dropout.${at}`, mask]),
    );

  test("that draws its masks is the one that is given them, bit by bit", async () => {
    expect(dropoutShapes.length).toBeGreaterThan(8);
    const expected = await trained("host", {}, isGivenThem);
    expect(await trained("program", {}, drawsItself)).toEqual(expected);
    expect(await trained("program", {}, (batch) => drawsItself(batch + 1))).not.toEqual(expected);
  });

  test("draws a layer's masks again where it computes the layer again", async () => {
    const kept = await trained("program", {}, drawsItself);
    const again = await trained("program", { gradientCheckpointing: true }, drawsItself);
    for (const [name, values] of Object.entries(kept))
      again[name]!.forEach((value, at) => {
        expect(value, name).toBeCloseTo(values[at]!, 5);
      });
  });
});

test("a run whose steps draw their masks, interrupted and resumed, ends with the weights of one that was not", async () => {
  const pairs = copyPairs(40, 1);
  const settings = { ...copySettings, steps: 12, dropout: 0.3, gradientAccumulationSteps: 2 };
  const objective = copyObjective(pairs, settings.batchSize);
  const runTo = async (name: string, stop?: number): Promise<unknown> => {
    const controller = new AbortController();
    const feeds: typeof objective.feeds = (...given) => {
      if (stop !== undefined && given[2] > 2 * stop) controller.abort();
      return objective.feeds(...given);
    };
    const request = await copyRequest(
      { workDirectory: join(root, name), pairs },
      { settings, engine, objective: { ...objective, feeds } },
      { signal: controller.signal },
    );
    return (await train(request)).weights;
  };
  const expected = await runTo("plain");
  for (const stop of [3, 9])
    await expect(runTo("stopped", stop)).rejects.toMatchObject({ code: "INTERRUPTED" });
  expect(await runTo("stopped")).toEqual(expected);
});

test("a CPU is given its masks, a device draws them", () => {
  expect(createOnnxEngine(runtime).masks).toBe("host");
  expect(createOnnxEngine(runtime, { provider: "webgpu" }).masks).toBe("program");
});
