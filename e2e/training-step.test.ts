/** Whole training steps, compiled against eager, and the reference numbers through the compiled engine. */
import { join } from "node:path";
import { createRandom } from "@slm/decoding";
import {
  checkReference,
  decoderOnlyConfig,
  encoderDecoderConfig,
  initializeWeights,
  type ModelConfig,
} from "@slm/model";
import { createHostTensor, type HostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-cpu";
import { teacherObjective } from "@slm/teacher";
import { createEagerEngine, createOnnxEngine, type Engine } from "@slm/tensor";
import {
  adamScalars,
  pairsOf,
  planChunks,
  stateInput,
  trainProgram,
  uploadState,
  type Chunk,
  type LossDefinition,
} from "@slm/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { studentLoss } from "../packages/learn/distillation/src/student-loss.js";
import { sourceFeeds, targetFeeds } from "../packages/learn/distillation/src/target-batch.js";
import {
  numbersOf,
  random,
  relativeDifference,
} from "../packages/core/tensor/src/test-support/numbers.test-support.js";

let runtime: Runtime;
let onnx: Engine;
let js: Engine;

beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 2 });
  onnx = createOnnxEngine(runtime);
  js = await createEagerEngine("js");
});
afterAll(() => runtime.close());

const FIXTURES = join(import.meta.dirname, "../packages/core/model/fixtures/mu-reference");

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
const ADAM = { beta1: 0.9, beta2: 0.98, epsilon: 1e-3, weightDecay: 0.01 };
const STEPS = 3;

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
  chunks: readonly Chunk[],
): Promise<Outcome> {
  const program = await engine.compile(trainProgram("step", chunks, definition, ADAM));
  const state = await uploadState(engine, chunks, initializeWeights(config, createRandom(3).next));
  const outcome: Outcome = { losses: [], norms: [], state: {} };
  for (let step = 1; step <= STEPS; step++) {
    const scalars: Record<string, number> = { ...adamScalars(step, 0.01, ADAM), clipNorm: 1 };
    const fed = Object.entries(scalars).map(
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

function encoderDecoderCase(
  headOrder: "grouped" | "modulo",
  vocabularySize: number,
  variant: "shared" | "separate",
): Case {
  const config = encoderDecoderConfig.parse({ ...shared, encoderLayers: 2, headOrder, vocabularySize });
  const options = { batchSize: SHAPE.batch, klWeight: 0.9, labelSmoothing: 0.1 };
  const feeds = {
    ...sourceFeeds(sources, SHAPE, config.tokens),
    ...targetFeeds("kl", targets, SHAPE, config.tokens).feeds,
    ...(variant === "separate"
      ? targetFeeds("gold", [...targets].reverse(), SHAPE, config.tokens).feeds
      : {}),
    teacher: random([SHAPE.batch * SHAPE.target, vocabularySize], 8, 2),
  };
  return { config, definition: studentLoss(config, options, BUCKET, variant), feeds };
}

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
    ["encoder-decoder, grouped heads", () => Promise.resolve(encoderDecoderCase("grouped", 23, "shared"))],
    [
      "encoder-decoder, modulo heads, two passes",
      () => Promise.resolve(encoderDecoderCase("modulo", 23, "separate")),
    ],
    [
      "encoder-decoder, large vocabulary",
      () => Promise.resolve(encoderDecoderCase("grouped", 700, "shared")),
    ],
    ["decoder-only", () => decoderOnlyCase(23)],
    ["decoder-only, large vocabulary", () => decoderOnlyCase(700)],
  ];
  test.each(cases)("%s", async (_label, make) => {
    const made = await make();
    const chunks = planChunks(made.config);
    const expected = await trainOn(js, made, chunks);
    const actual = await trainOn(onnx, made, chunks);
    expect(expected.losses[STEPS - 1]).toBeLessThan(expected.losses[0]!);
    expect(relativeDifference(actual.losses, expected.losses)).toBeLessThan(1e-5);
    expect(relativeDifference(actual.norms, expected.norms)).toBeLessThan(1e-5);
    for (const chunk of chunks) {
      for (const part of ["value", "first", "second"] as const) {
        const name = stateInput(chunk, part);
        expect(relativeDifference(actual.state[name]!, expected.state[name]!, 1e-6), name).toBeLessThan(2e-5);
      }
    }
  });
});
