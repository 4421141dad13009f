/** Whole training steps, compiled against eager, and the reference numbers through the compiled engine. */
import { join } from "node:path";
import { createRandom } from "@slm/decoding";
import { checkReference } from "@slm/checkpoints";
import { decoderOnlyConfig, encoderDecoderConfig, initializeWeights, type ModelConfig } from "@slm/model";
import { createHostTensor, type HostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { teacherObjective } from "@slm/teacher";
import { createEagerEngine, createOnnxEngine, type Engine } from "@slm/tensor";
import {
  modelPass,
  pairsOf,
  partsOf,
  planRun,
  stepScalars,
  stateInput,
  trainingSettings,
  trainProgram,
  uploadState,
  type ChunkPlan,
  type LossDefinition,
  type TrainingSettings,
} from "@slm/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lossConfig } from "../packages/distillation/src/loss-config.js";
import { studentLoss, type LossVariant } from "../packages/distillation/src/student-loss.js";
import {
  numbersOf,
  random,
  relativeDifference,
} from "../packages/tensor/src/test-support/numbers.test-support.js";

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

const shared = {
  width: 16,
  heads: 4,
  kvHeads: 2,
  headDim: 4,
  feedForward: 32,
  decoderLayers: 2,
  maxSource: 16,
  maxTarget: 16,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

const SHAPE = { batch: 4, source: 6, target: 5 };
const BUCKET = { source: SHAPE.source, target: SHAPE.target };
const sources = [[4, 5, 6, 7, 8, 9], [5, 5, 5], [9], [7, 4, 7, 4]];
const targets = [[6, 6, 7, 5], [8, 9], [4, 4, 4], [5]];

/** A large epsilon keeps weights whose gradient is rounding noise from being moved by the noise's sign. */
const SETTINGS = trainingSettings.parse({
  steps: 3,
  learningRate: 0.01,
  warmupSteps: 0,
  epsilon: 1e-3,
  emaDecay: 0.9,
});

interface Case {
  readonly config: ModelConfig;
  readonly definition: LossDefinition;
  readonly feeds: Readonly<Record<string, HostTensor>>;
}

interface Outcome {
  readonly losses: number[];
  readonly norms: number[];
  readonly state: Readonly<Record<string, number[]>>;
}

async function trainOn(
  engine: Engine,
  { config, definition, feeds }: Case,
  plan: ChunkPlan,
  settings: TrainingSettings,
): Promise<Outcome> {
  const program = await engine.compile(trainProgram("step", plan, definition, settings));
  const state = await uploadState(engine, plan, settings, initializeWeights(config, createRandom(3).next));
  const outcome: Outcome = { losses: [], norms: [], state: {} };
  for (let step = 1; step <= settings.steps; step++) {
    const fed = Object.entries(stepScalars(step, settings)).map(
      ([name, value]) => [name, createHostTensor("float32", [], Float32Array.of(value))] as const,
    );
    const { fetched } = await program.run({
      feeds: { ...state.feeds, ...feeds, ...Object.fromEntries(fed) },
      fetch: ["loss", "gradientNorm"],
      into: state.into,
    });
    outcome.losses.push(Number(fetched["loss"]!.data[0]));
    outcome.norms.push(Number(fetched["gradientNorm"]!.data[0]));
  }
  const values: Record<string, number[]> = {};
  for (const [name, tensor] of Object.entries(state.feeds))
    values[name] = numbersOf(await engine.download(tensor));
  await engine.release(Object.values(state.feeds));
  await program.release();
  return { ...outcome, state: values };
}

/** Every term of the loss, one decoder pass or two. */
const LOSS = lossConfig.parse({
  forwardKl: 0.9,
  reverseKl: 0.1,
  jensenShannon: 0.1,
  skewKl: 0.1,
  skewReverseKl: 0.1,
  totalVariation: 0.1,
  uld: 0.1,
  crossEntropy: 0.1,
  labelSmoothing: 0.1,
});

function studentCase(config: ModelConfig, variant: LossVariant, loss = lossConfig.parse({})): Case {
  const { vocabularySize: vocabulary, width } = config;
  const pass = modelPass(config, SHAPE);
  const options = { config, loss, teacher: { vocabulary, isAligned: false, width } };
  const feeds = {
    ...pass.sharedFeeds(sources),
    ...pass.passFeeds("distill", sources, targets).feeds,
    ...pass.passFeeds("gold", sources, [...targets].reverse()).feeds,
    teacher: random([SHAPE.batch * SHAPE.target, vocabulary], 8, 2),
  };
  const definition = studentLoss(options, SHAPE, variant);
  const fed = Object.keys(definition.inputs).map(
    (name) => [name, feeds[name as keyof typeof feeds]] as const,
  );
  return { config, definition, feeds: Object.fromEntries(fed) };
}

const encoderDecoder = (headOrder: "grouped" | "modulo", vocabularySize: number): ModelConfig =>
  encoderDecoderConfig.parse({ ...shared, encoderLayers: 2, headOrder, vocabularySize });

async function decoderOnlyCase(vocabularySize: number): Promise<Case> {
  const config = decoderOnlyConfig.parse({ ...shared, vocabularySize });
  const objective = teacherObjective(config, pairsOf(sources, targets), {
    batchSize: SHAPE.batch,
    labelSmoothing: 0,
  });
  const live = { engine: js, config, feeds: {} };
  const { feeds } = await objective.feeds({ bucket: 0, rows: Int32Array.of(2, 0, 1, 3) }, BUCKET, 1, live);
  return { config, definition: objective.definition(BUCKET, "default"), feeds: feeds as Case["feeds"] };
}

describe("three compiled training steps equal three eager ones: loss, gradient norm and every state chunk", () => {
  const cases: readonly (readonly [string, () => Promise<Case>])[] = [
    [
      "encoder-decoder, grouped heads",
      () => Promise.resolve(studentCase(encoderDecoder("grouped", 23), "shared")),
    ],
    [
      "encoder-decoder, modulo heads, two passes, every term",
      () => Promise.resolve(studentCase(encoderDecoder("modulo", 23), "separate", LOSS)),
    ],
    [
      "encoder-decoder, large vocabulary",
      () => Promise.resolve(studentCase(encoderDecoder("grouped", 700), "shared")),
    ],
    [
      "decoder-only student, two passes",
      () =>
        Promise.resolve(studentCase(decoderOnlyConfig.parse({ ...shared, vocabularySize: 23 }), "separate")),
    ],
    ["decoder-only", () => decoderOnlyCase(23)],
    ["decoder-only, large vocabulary", () => decoderOnlyCase(700)],
  ];
  test.each(
    cases.flatMap(([label, make]) =>
      (["adamw", "muon"] as const).map((optimizer) => [label, optimizer, make] as const),
    ),
  )("%s, %s", async (_label, optimizer, make) => {
    const made = await make();
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

describe("steps whose backward pass computes activations again equal those that keep them", () => {
  test.each([
    ["one pass", "shared", undefined],
    ["two passes", "separate", LOSS],
  ] as const)("encoder-decoder, %s", async (_label, variant, loss) => {
    const made = studentCase(encoderDecoder("grouped", 23), variant, loss);
    const plan = planRun(made.config);
    const kept = await trainOn(onnx, made, plan, SETTINGS);
    const again = await trainOn(onnx, made, plan, { ...SETTINGS, gradientCheckpointing: true });
    expect(relativeDifference(again.losses, kept.losses)).toBeLessThan(1e-6);
    for (const [name, values] of Object.entries(kept.state))
      expect(relativeDifference(again.state[name]!, values, 1e-6), name).toBeLessThan(1e-5);
  });
});
