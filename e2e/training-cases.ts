/** Tiny training steps for every kind of model, for tests that compare engines. */
import { createRandom } from "@slm/generation";
import { decoderOnlyConfig, encoderDecoderConfig, initializeWeights, type ModelConfig } from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { teacherObjective } from "@slm/teacher";
import type { Engine } from "@slm/tensor";
import {
  DROPOUT_KEY,
  dropoutKey,
  LOSS_SCALE,
  modelPass,
  pairsOf,
  stepScalars,
  trainingSettings,
  trainProgram,
  uploadState,
  type ChunkPlan,
  type LossDefinition,
  type TrainingSettings,
} from "@slm/training";
import { lossConfig } from "../packages/distillation/src/config/loss-config.js";
import { studentLoss, type LossVariant } from "../packages/distillation/src/loss/student-loss.js";
import { numbersOf, random } from "../packages/tensor/src/test-support/numbers.test-support.js";

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

export const SETTINGS = trainingSettings.parse({
  steps: 3,
  learningRate: 0.01,
  warmupSteps: 0,
  emaDecay: 0.9,
});

/** AdamW's epsilon times this is 1e-3. So weights with only rounding noise as gradient are not moved by the noise's sign. */
const LARGER_EPSILON = 1e5;

/** Seed of dropout masks. */
const SEED = 7;

export interface Case {
  readonly config: ModelConfig;
  readonly definition: LossDefinition;
  readonly feeds: Readonly<Record<string, HostTensor>>;
}

export interface Outcome {
  readonly losses: number[];
  readonly norms: number[];
  readonly state: Readonly<Record<string, number[]>>;
}

/** Runs some steps from the same weights: loss and gradient norm of each, and the final state. With dropout the engine draws masks. */
export async function trainOn(
  engine: Engine,
  { config, definition, feeds }: Case,
  plan: ChunkPlan,
  settings: TrainingSettings,
  lossScale = 2 ** 16,
): Promise<Outcome> {
  const { masks } = engine;
  const program = await engine.compile(trainProgram("step", plan, definition, settings, "update", masks));
  const state = await uploadState(engine, plan, settings, initializeWeights(config, createRandom(3).next));
  const outcome: Outcome = { losses: [], norms: [], state: {} };
  for (let step = 1; step <= settings.steps; step++) {
    const scaling = settings.mixedPrecision === "float16" ? { [LOSS_SCALE]: lossScale } : {};
    const scalars = { ...stepScalars(step, settings), ...scaling };
    scalars.denominatorEpsilon *= LARGER_EPSILON;
    const fed = Object.entries(scalars).map(
      ([name, value]) => [name, createHostTensor("float32", [], Float32Array.of(value))] as const,
    );
    const keys = settings.dropout > 0 ? { [DROPOUT_KEY]: dropoutKey(SEED, step) } : {};
    const { fetched } = await program.run({
      feeds: { ...state.feeds, ...feeds, ...keys, ...Object.fromEntries(fed) },
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
export const LOSS = lossConfig.parse({
  forwardKl: 0.9,
  reverseKl: 0.1,
  jensenShannon: 0.1,
  crossEntropy: 0.1,
});

export function studentCase(config: ModelConfig, variant: LossVariant, loss = lossConfig.parse({})): Case {
  const { vocabularySize: vocabulary } = config;
  const pass = modelPass(config, SHAPE);
  const options = { config, loss };
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

export const encoderDecoder = (headOrder: "grouped" | "modulo", vocabularySize: number): ModelConfig =>
  encoderDecoderConfig.parse({ ...shared, encoderLayers: 2, headOrder, vocabularySize });

async function decoderOnlyCase(vocabularySize: number, engine: Engine): Promise<Case> {
  const config = decoderOnlyConfig.parse({ ...shared, vocabularySize });
  const objective = teacherObjective(config, pairsOf(sources, targets), {
    batchSize: SHAPE.batch,
    labelSmoothing: 0.1,
  });
  const live = { engine, config, feeds: {} };
  const { feeds } = await objective.feeds({ bucket: 0, rows: Int32Array.of(2, 0, 1, 3) }, BUCKET, 1, live);
  return { config, definition: objective.definition(BUCKET, "default"), feeds: feeds as Case["feeds"] };
}

/** Creates a case. @param engine stores the case's inputs, if there are any on the engine */
type MakeCase = (engine: Engine) => Promise<Case>;

const student =
  (config: ModelConfig, variant: LossVariant, loss?: ReturnType<typeof lossConfig.parse>): MakeCase =>
  () =>
    Promise.resolve(studentCase(config, variant, loss));

const decoderStudent = decoderOnlyConfig.parse({ ...shared, vocabularySize: 23 });

const MAKE_CASES: Readonly<Record<string, MakeCase>> = {
  "encoder-decoder, grouped heads": student(encoderDecoder("grouped", 23), "shared"),
  "encoder-decoder, modulo heads, two passes, every term": student(
    encoderDecoder("modulo", 23),
    "separate",
    LOSS,
  ),
  "encoder-decoder, large vocabulary": student(encoderDecoder("grouped", 700), "shared"),
  "decoder-only student, two passes": student(decoderStudent, "separate"),
  "decoder-only": (engine) => decoderOnlyCase(23, engine),
  "decoder-only, large vocabulary": (engine) => decoderOnlyCase(700, engine),
};

/** Every case with every optimizer: name, optimizer, and a function that creates the case. */
export const CASES_AND_OPTIMIZERS: readonly (readonly [string, "adamw" | "muon", MakeCase])[] =
  Object.entries(MAKE_CASES).flatMap(([label, make]) =>
    (["adamw", "muon"] as const).map((optimizer) => [label, optimizer, make] as const),
  );
