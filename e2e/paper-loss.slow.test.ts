/** Compares the loss of an on-policy batch and its gradients with those of the paper's PyTorch code, for the same samples. */
import { join } from "node:path";
import { readSafetensors } from "@slm/checkpoints";
import type { EncoderDecoderConfig, Weights } from "@slm/model";
import { createHostTensor, type HostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { createEagerEngine, createOnnxEngine, valueAndGradients, type Engine } from "@slm/tensor";
import { modelPass } from "@slm/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  readReferenceConfig,
  readReferenceWeights,
} from "../packages/checkpoints/src/reference/reference.js";
import { lossConfig, type LossConfig } from "../packages/distillation/src/config/loss-config.js";
import { studentLoss } from "../packages/distillation/src/loss/student-loss.js";
import { numbersOf, relativeDifference } from "../packages/tensor/src/test-support/numbers.test-support.js";

/** Written by packages/checkpoints/fixtures/paper-loss.py. */
const FIXTURE = join(import.meta.dirname, "../packages/checkpoints/fixtures/mu-reference/tiny-mha");
const [PAD, BOS, EOS, UNKNOWN] = [0, 1, 2, 3];

let runtime: Runtime;
let config: EncoderDecoderConfig;
let weights: Weights;

beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 1 });
  const tokens = { pad: PAD, bos: BOS, eos: EOS, unknown: UNKNOWN };
  config = { ...(await readReferenceConfig(FIXTURE)), tokens };
  weights = await readReferenceWeights(config, join(FIXTURE, "model.safetensors"));
});
afterAll(() => runtime.close());

/** Token lists of a padded matrix, without padding and the final EOS. */
function rowsOf({ shape, data }: HostTensor): number[][] {
  const [rows, length] = shape as [number, number];
  return Array.from({ length: rows }, (_, row) =>
    Array.from(data.slice(row * length, (row + 1) * length) as ArrayLike<bigint>, Number).filter(
      (token) => token !== PAD && token !== EOS,
    ),
  );
}

interface Batch {
  readonly sources: number[][];
  readonly samples: number[][];
  readonly gold: number[][];
  /** Decoder positions. */
  readonly target: number;
  readonly teacher: HostTensor;
  /** What the paper's code computed. */
  readonly losses: {
    readonly kdLoss: number;
    readonly kdReal: number;
    readonly ceLoss: number;
    readonly loss: number;
  };
  readonly gradients: Weights;
}

async function batchOf(name: string): Promise<Batch> {
  const { tensors, metadata } = await readSafetensors(join(FIXTURE, `paper-loss-${name}.safetensors`));
  const samples = tensors.get("samples")!;
  const teacher = tensors.get("teacher_logits")!;
  const stated = (key: string): number => Number(metadata[key]);
  return {
    sources: rowsOf(tensors.get("encoder_input_ids")!),
    samples: rowsOf(samples),
    gold: rowsOf(tensors.get("targets")!),
    target: samples.shape[1]!,
    teacher: createHostTensor(
      "float32",
      [samples.shape[0]! * samples.shape[1]!, config.vocabularySize],
      teacher.data,
    ),
    losses: {
      kdLoss: stated("kd_loss"),
      kdReal: stated("kd_real"),
      ceLoss: stated("ce_loss"),
      loss: stated("loss"),
    },
    gradients: await readReferenceWeights(config, join(FIXTURE, `paper-loss-${name}-gradients.safetensors`)),
  };
}

interface Computed {
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  readonly gradients: Readonly<Record<string, number[]>>;
}

/** Loss, terms and gradients of a batch whose divergence uses samples and whose cross-entropy uses gold targets. */
async function computed(engine: Engine, batch: Batch, loss: LossConfig): Promise<Computed> {
  const { sources, samples, gold, target, teacher } = batch;
  const shape = { batch: sources.length, source: Math.max(...sources.map(({ length }) => length)), target };
  const definition = studentLoss({ config, loss }, shape, "separate");
  const pass = modelPass(config, shape);
  const fed: Readonly<Record<string, HostTensor>> = {
    ...pass.sharedFeeds(sources),
    ...pass.passFeeds("distill", sources, samples).feeds,
    ...pass.passFeeds("gold", sources, gold).feeds,
    teacher,
  };
  const feeds = Object.fromEntries([
    ...weights,
    ...Object.keys(definition.inputs).map((name) => [name, fed[name]!] as const),
  ]);
  const names = [...weights.keys()];
  const program = await engine.compile({
    name: "paper's loss",
    inputs: {
      ...Object.fromEntries([...weights].map(([name, { shape }]) => [name, { dtype: "float32", shape }])),
      ...definition.inputs,
    },
    build: (x) => {
      const given = names.map((name) => x[name]!);
      const { value, gradients } = valueAndGradients(
        (tensors) =>
          definition.build(Object.fromEntries(names.map((name, at) => [name, tensors[at]!])), x).loss,
        given,
      );
      const { terms } = definition.build(x, x);
      const parts = Object.entries(terms).map(([name, term]) => [`term.${name}`, term] as const);
      const slopes = names.map((name, at) => [`gradient.${name}`, gradients[at]!] as const);
      return { loss: value, ...Object.fromEntries([...parts, ...slopes]) };
    },
  });
  const terms = definition.terms.map((name) => `term.${name}`);
  const { fetched } = await program.run({
    feeds,
    fetch: ["loss", ...terms, ...names.map((name) => `gradient.${name}`)],
  });
  await program.release();
  const scalar = (name: string): number => Number(fetched[name]!.data[0]);
  return {
    loss: scalar("loss"),
    terms: Object.fromEntries(definition.terms.map((name) => [name, scalar(`term.${name}`)])),
    gradients: Object.fromEntries(names.map((name) => [name, numbersOf(fetched[`gradient.${name}`]!)])),
  };
}

/** A key bias of cross-attention has no gradient: it shifts all scores of a row equally. Rounding is compared at this scale. */
const ZERO_GRADIENT = 1e-3;

function expectGradients(actual: Computed["gradients"], expected: Weights): void {
  const largest = Math.max(...[...expected.values()].flatMap((tensor) => numbersOf(tensor).map(Math.abs)));
  for (const [name, gradient] of expected)
    expect(
      relativeDifference(actual[name]!, numbersOf(gradient), ZERO_GRADIENT * largest),
      name,
    ).toBeLessThan(1e-3);
}

describe.each(["js", "onnx"])("an on-policy batch, engine %s", (name) => {
  const engineOf = (): Promise<Engine> =>
    name === "js" ? createEagerEngine("js") : Promise.resolve(createOnnxEngine(runtime));

  test("has the loss and the gradients of the paper's code where no position is padding", async () => {
    const batch = await batchOf("full");
    const { kdLoss, ceLoss, loss } = batch.losses;
    const actual = await computed(await engineOf(), batch, lossConfig.parse({}));
    expect(actual.terms["forwardKl"]! / kdLoss).toBeCloseTo(1, 5);
    expect(actual.terms["crossEntropy"]! / ceLoss).toBeCloseTo(1, 5);
    expect(actual.loss / loss).toBeCloseTo(1, 5);
    expectGradients(actual.gradients, batch.gradients);
  });

  test("averages the divergence over the samples' own positions where samples are shorter", async () => {
    const batch = await batchOf("padded");
    const { kdReal, ceLoss } = batch.losses;
    const actual = await computed(await engineOf(), batch, lossConfig.parse({}));
    expect(actual.terms["forwardKl"]! / kdReal).toBeCloseTo(1, 5);
    expect(actual.terms["crossEntropy"]! / ceLoss).toBeCloseTo(1, 5);
    expectGradients(actual.gradients, batch.gradients);
  });
});

test("the paper's code counts padding: the samples' share of its divergence is their share of the positions", async () => {
  const { samples, target, losses } = await batchOf("padded");
  const real = samples.reduce((sum, { length }) => sum + length + 1, 0);
  const share = real / (samples.length * target);
  // The rest comes from positions after EOS, which no answer ever reaches.
  expect(losses.kdLoss - share * losses.kdReal).toBeGreaterThan(0.2 * losses.kdLoss);
});
