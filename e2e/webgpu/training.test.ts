/** Compares training steps that run completely on WebGPU with the CPU: loss, gradient norm and state. */
import { createEagerEngine, createOnnxEngine, type Engine } from "@slm/tensor";
import { dropoutKey, planRun } from "@slm/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { relativeDifference } from "../../packages/tensor/src/test-support/numbers.test-support.js";
import { expectedMasks, keyOf, maskProgram } from "../drawn-masks.js";
import { CASES_AND_OPTIMIZERS, SETTINGS, trainOn, type Case } from "../training-cases.js";
import { openRuntimes, type Runtimes } from "./setting.js";

let runtimes: Runtimes;
let js: Engine;
beforeAll(async () => {
  runtimes = await openRuntimes(true);
  js = await createEagerEngine("js");
});
afterAll(() => runtimes.close());

/** Trains on both devices, and compares. */
async function expectNumbersOfCpu(
  made: Case,
  changes: Partial<typeof SETTINGS>,
  onCpu = createOnnxEngine(runtimes.cpu),
): Promise<void> {
  const settings = { ...SETTINGS, ...changes };
  const plan = planRun(made.config);
  const expected = await trainOn(onCpu, made, plan, settings);
  const actual = await trainOn(createOnnxEngine(runtimes.gpu), made, plan, settings);
  expect(relativeDifference(actual.losses, expected.losses)).toBeLessThan(1e-4);
  expect(relativeDifference(actual.norms, expected.norms)).toBeLessThan(1e-4);
  for (const [name, values] of Object.entries(expected.state))
    expect(relativeDifference(actual.state[name]!, values, 1e-6), name).toBeLessThan(1e-3);
}

describe("loss scaling, with products in float32 because no software adapter has float16", () => {
  const settings = { ...SETTINGS, mixedPrecision: "float16" as const };
  const inFloat32 = (engine: Engine): Engine => ({
    ...engine,
    compile: (definition) => engine.compile({ ...definition, precision: "float32" }),
  });

  test("gives the CPU's losses, gradient norms and state", async () => {
    const made = await CASES_AND_OPTIMIZERS[0]![2](js);
    const plan = planRun(made.config);
    const expected = await trainOn(createOnnxEngine(runtimes.cpu), made, plan, SETTINGS);
    const actual = await trainOn(inFloat32(createOnnxEngine(runtimes.gpu)), made, plan, settings);
    expect(relativeDifference(actual.losses, expected.losses)).toBeLessThan(1e-4);
    expect(relativeDifference(actual.norms, expected.norms)).toBeLessThan(1e-4);
  });

  test("leaves the state as it was when gradients overflow", async () => {
    const made = await CASES_AND_OPTIMIZERS[0]![2](js);
    const plan = planRun(made.config);
    const engine = inFloat32(createOnnxEngine(runtimes.gpu));
    const before = await trainOn(engine, made, plan, { ...settings, steps: 0 });
    const after = await trainOn(engine, made, plan, { ...settings, steps: 2 }, Infinity);
    expect(after.norms.some(Number.isFinite)).toBe(false);
    expect(after.state).toEqual(before.state);
  });
});

describe("dropout", () => {
  test("masks are those of every other provider, bit by bit", async () => {
    const shapes = [[3, 7, 5], [2, 64, 96], [6]];
    const program = await createOnnxEngine(runtimes.gpu).compile(maskProgram(shapes, 0.3));
    const fetch = shapes.map((_, index) => `mask.${index}`);
    const { fetched } = await program.run({ feeds: { key: dropoutKey(8, 3) }, fetch });
    expect(fetch.map((name) => fetched[name])).toEqual(expectedMasks(keyOf(8, 3), shapes, 0.3));
  });

  test("three steps give the CPU's losses, gradient norms and state", async () => {
    const made = await CASES_AND_OPTIMIZERS[0]![2](js);
    const onCpu = createOnnxEngine(runtimes.cpu, { masks: "program" });
    await expectNumbersOfCpu(made, { dropout: 0.2 }, onCpu);
  });
});

test("three steps that compute activations again give the CPU's losses, gradient norms and state", async () => {
  await expectNumbersOfCpu(await CASES_AND_OPTIMIZERS[2]![2](js), { gradientCheckpointing: true });
});

test("a step of which a part would be left to the CPU is rejected when it is loaded", async () => {
  const [, , make] = CASES_AND_OPTIMIZERS[0]!;
  const made = await make(js);
  const engine = createOnnxEngine(runtimes.gpu, { provider: "cpu" });
  await expect(trainOn(engine, made, planRun(made.config), SETTINGS)).rejects.toMatchObject({
    code: "OP_UNSUPPORTED",
    message: expect.stringContaining("cannot compute every node of graph 'step'") as string,
  });
});

/** Every case, with alternating optimizers, because a software adapter compiles shaders slowly. */
const CASES = CASES_AND_OPTIMIZERS.filter((_, index) => index % 2 === (index >> 1) % 2);

describe("three training steps give the CPU's losses, gradient norms and state", () => {
  test.each(CASES)("%s, %s", async (_label, optimizer, make) => {
    await expectNumbersOfCpu(await make(js), { optimizer });
  });
});
