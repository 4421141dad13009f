/** Compares training steps with 16-bit products with float32 steps. ONNX Runtime's CPU provider rounds as the graph specifies. */
import { createHash } from "node:crypto";
import { encodeModel, type Graph } from "@slm/onnx";
import { createHostTensor, type HostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { createEagerEngine, createOnnxEngine, traceProgram, type Engine } from "@slm/tensor";
import { LOSS_SCALE, planRun, stepScalars, trainProgram, uploadState, type ChunkPlan } from "@slm/training";
import { createRandom } from "@slm/generation";
import { initializeWeights } from "@slm/model";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { numbersOf, relativeDifference } from "../packages/tensor/src/test-support/numbers.test-support.js";
import { CASES_AND_OPTIMIZERS, SETTINGS, trainOn, type Case } from "./training-cases.js";

let runtime: Runtime;
let onnx: Engine;
let js: Engine;
beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 2 });
  onnx = createOnnxEngine(runtime);
  js = await createEagerEngine("js");
});
afterAll(() => runtime.close());

/** Half of the relative distance between adjacent float16 numbers. */
const UNIT_ROUNDOFF = 2 ** -11;
const SCALE = 2 ** 16;
const CASES = CASES_AND_OPTIMIZERS.filter(([, optimizer]) => optimizer === "adamw");
const PRODUCTS = new Set(["MatMul", "Gemm", "FusedMatMul"]);

const scalar = (value: number): HostTensor => createHostTensor("float32", [], Float32Array.of(value));

/** Gradients of all weights, in one list. */
async function gradientsOf(
  made: Case,
  plan: ChunkPlan,
  changes: Partial<typeof SETTINGS>,
  scale = SCALE,
): Promise<number[]> {
  const settings = { ...SETTINGS, emaDecay: 0, gradientAccumulationSteps: 2, ...changes };
  const definition = trainProgram("gradients", plan, made.definition, settings, "accumulate");
  const program = await onnx.compile(definition);
  const weights = initializeWeights(made.config, createRandom(3).next);
  const state = await uploadState(onnx, plan, settings, weights);
  const all = { ...state.feeds, ...made.feeds, batchShare: scalar(1), [LOSS_SCALE]: scalar(scale) };
  const feeds = Object.fromEntries(
    Object.entries(all).filter(([name]) => Object.hasOwn(definition.inputs, name)),
  );
  const outputs = Object.keys(definition.inPlace ?? {});
  const { fetched } = await program.run({ feeds, fetch: outputs });
  await program.release();
  await onnx.release(Object.values(state.feeds));
  return outputs.flatMap((name) => numbersOf(fetched[name]!));
}

const normOf = (values: readonly number[]): number => Math.hypot(...values);
const distance = (a: readonly number[], b: readonly number[]): number =>
  normOf(a.map((value, index) => value - b[index]!)) / normOf(b);

describe("float16", () => {
  test.each(CASES)("gradients are within a few roundings of float32's: %s", async (_label, _, make) => {
    const made = await make(js);
    const plan = planRun(made.config);
    const expected = await gradientsOf(made, plan, {});
    const actual = await gradientsOf(made, plan, { mixedPrecision: "float16" });
    expect(distance(actual, expected)).toBeGreaterThan(UNIT_ROUNDOFF / 100);
    expect(distance(actual, expected)).toBeLessThan(4 * UNIT_ROUNDOFF);
  });

  test("gradients of activations computed again are those of activations that were kept", async () => {
    const made = await CASES[0]![2](js);
    const plan = planRun(made.config);
    const kept = await gradientsOf(made, plan, { mixedPrecision: "float16" });
    const again = await gradientsOf(made, plan, { mixedPrecision: "float16", gradientCheckpointing: true });
    expect(distance(again, kept)).toBeLessThan(1e-6);
  });

  test("small gradients vanish without a scale and are there with one", async () => {
    const made = await CASES[0]![2](js);
    const plan = planRun(made.config);
    const { definition } = made;
    const small: Case = {
      ...made,
      definition: {
        ...definition,
        inputs: { ...definition.inputs, factor: { dtype: "float32", shape: [] } },
        build: (parameters, x) => {
          const { loss, terms } = definition.build(parameters, x);
          return { loss: loss.mul(x["factor"]!), terms };
        },
      },
      feeds: { ...made.feeds, factor: scalar(2 ** -20) },
    };
    const exact = await gradientsOf(small, plan, {});
    const scaled = await gradientsOf(small, plan, { mixedPrecision: "float16" }, 2 ** 30);
    const unscaled = await gradientsOf(small, plan, { mixedPrecision: "float16" }, 1);
    expect(distance(scaled, exact)).toBeLessThan(4 * UNIT_ROUNDOFF);
    expect(distance(unscaled, exact)).toBeGreaterThan(0.05);
  });

  test.each(CASES_AND_OPTIMIZERS)(
    "twenty steps have float32's losses: %s, %s",
    async (_label, optimizer, make) => {
      const made = await make(js);
      const plan = planRun(made.config);
      const settings = { ...SETTINGS, optimizer, steps: 20 };
      const expected = await trainOn(onnx, made, plan, settings);
      const actual = await trainOn(onnx, made, plan, { ...settings, mixedPrecision: "float16" });
      expect(expected.losses.at(-1)!).toBeLessThan(expected.losses[0]!);
      expect(relativeDifference(actual.losses, expected.losses)).toBeLessThan(2e-3);
      expect(relativeDifference(actual.losses, expected.losses)).toBeGreaterThan(1e-7);
    },
  );

  test.each(["adamw", "muon"] as const)(
    "a step whose gradients overflow leaves every bit of the state as it was: %s",
    async (optimizer) => {
      const made = await CASES[0]![2](js);
      const plan = planRun(made.config);
      const settings = {
        ...SETTINGS,
        optimizer,
        mixedPrecision: "float16" as const,
        gradientAccumulationSteps: 2,
      };
      const definition = trainProgram("step", plan, made.definition, settings);
      const program = await onnx.compile(definition);
      const state = await uploadState(
        onnx,
        plan,
        settings,
        initializeWeights(made.config, createRandom(3).next),
      );
      const step = async (scale: number): Promise<number> => {
        const scalars = { ...stepScalars(1, settings), batchShare: 1, [LOSS_SCALE]: scale };
        const fed = Object.entries(scalars).map(([name, value]) => [name, scalar(value)] as const);
        const feeds = { ...state.feeds, ...made.feeds, ...Object.fromEntries(fed) };
        const { fetched } = await program.run({ feeds, fetch: ["loss", "gradientNorm"], into: state.into });
        expect(Number.isFinite(fetched["loss"]!.data[0])).toBe(true);
        return Number(fetched["gradientNorm"]!.data[0]);
      };
      const contents = async (): Promise<Record<string, number[]>> => {
        const found: Record<string, number[]> = {};
        for (const [name, tensor] of Object.entries(state.feeds))
          found[name] = numbersOf(await onnx.download(tensor));
        return found;
      };
      const fresh = await contents();
      expect(await step(2 ** 30)).not.toSatisfy(Number.isFinite);
      expect(await contents()).toEqual(fresh);
      expect(await step(SCALE)).toSatisfy(Number.isFinite);
      expect(await contents()).not.toEqual(fresh);
      await program.release();
      await onnx.release(Object.values(state.feeds));
    },
  );
});

/** The graph of a whole step. */
async function stepGraph(index: number, changes: Partial<typeof SETTINGS>, provider: string): Promise<Graph> {
  const [, optimizer, make] = CASES_AND_OPTIMIZERS[index]!;
  const made = await make(js);
  const settings = { ...SETTINGS, optimizer, ...changes };
  return traceProgram(trainProgram("step", planRun(made.config), made.definition, settings), provider);
}

describe("bfloat16, which no provider here computes", () => {
  test("is rejected by name where the provider lacks it", async () => {
    await expect(stepGraph(0, { mixedPrecision: "bfloat16" }, "cpu")).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: "mixedPrecision: provider cpu supports float32 or float16, got bfloat16",
    });
  });

  test("has the graph of float16 without loss scaling, products of layers in 16 bits and the optimizer's in 32", async () => {
    const muon = CASES_AND_OPTIMIZERS.findIndex(([, optimizer]) => optimizer === "muon");
    const graph = await stepGraph(muon, { mixedPrecision: "bfloat16" }, "cuda");
    expect(graph.inputs.map(({ name }) => name)).not.toContain(LOSS_SCALE);
    const products = graph.nodes.filter(({ opType }) => PRODUCTS.has(opType));
    const low = products.filter(({ outputs }) => outputs[0]!.endsWith("/bfloat16"));
    expect(low.length).toBeGreaterThan(20);
    for (const { inputs } of low) for (const input of inputs) expect(input).toMatch(/\/bfloat16$/u);
    // Three products in each of Muon's five iterations, at least once.
    expect(products.length - low.length).toBeGreaterThanOrEqual(15);
  });
});

describe("float32", () => {
  test.each(CASES_AND_OPTIMIZERS.map(([label, optimizer], index) => [label, optimizer, index] as const))(
    "has the graph that it had before there was mixed precision: %s, %s",
    async (_label, _optimizer, index) => {
      const graph = await stepGraph(index, {}, "cpu");
      const bytes = encodeModel(graph);
      expect(bytes).toEqual(encodeModel(await stepGraph(index, { mixedPrecision: "float32" }, "cpu")));
      expect(createHash("sha256").update(bytes).digest("hex").slice(0, 16)).toBe(DIGESTS[index]);
    },
  );
});

/**
 * Digests of the graphs of CASES_AND_OPTIMIZERS from before mixed precision existed: training on the CPU stays bit-identical. Changes of
 * the model, the losses or the optimizers change the digests, and then also the numbers of a training, at least by rounding.
 */
const DIGESTS: readonly string[] = [
  "0fb2b14455e37938",
  "3dced67bc046d888",
  "3b1437123902bf46",
  "a051693932698bf9",
  "12c4e46f64dd145a",
  "d2ebf0c783b6ca8f",
  "3a6f56f45fa96ff3",
  "936db071ee232010",
  "48b87903b158c023",
  "8dc734a77837ad97",
  "f35be268f2a729a1",
  "4b67daea2627d37d",
];
