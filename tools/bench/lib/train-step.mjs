/** One training step of an encoder-decoder with dense soft targets, for benchmarks and comparisons with reference implementations. */
import { createRandom } from "@slm/generation";
import { crossCaches, decode, encode, initializeWeights, outputHead, parseModelConfig } from "@slm/model";
import { createHostTensor } from "@slm/runtime";
import { lengthBias, math, softTargetCrossEntropy } from "@slm/tensor";
import { LOSS_SCALE, planRun, stepScalars, trainingSettings, trainProgram, uploadState } from "@slm/training";

/** The 6.8M-parameter model, 16 rows of 128 source and 64 target tokens. */
export const STEP_DEFAULTS = {
  vocab: 8192,
  width: 256,
  heads: 4,
  kvHeads: 2,
  headDim: 64,
  feedForward: 1024,
  encoder: 4,
  decoder: 2,
  batch: 16,
  source: 128,
  target: 64,
  steps: 12,
  bias: 1,
  /** 0: AdamW, 1: Muon */
  muon: 0,
  /** 1: activations are recomputed in the backward pass */
  gradientCheckpointing: 0,
  /** precision of products: float32, float16, bfloat16 */
  precision: "float32",
};

const OPTIMIZERS = ["adamw", "muon"];

/**
 * @typedef {Parameters<typeof encode>[2]} Tensor
 * @typedef {typeof STEP_DEFAULTS} StepOptions
 * @typedef {ReturnType<typeof trainStep>} TrainStep
 */

/** The encoder-decoder of this size. */
function benchmarkModel(/** @type {StepOptions} */ options) {
  const config = parseModelConfig(
    {
      architecture: "encoder-decoder",
      vocabularySize: options.vocab,
      width: options.width,
      heads: options.heads,
      kvHeads: options.kvHeads,
      headDim: options.headDim,
      feedForward: options.feedForward,
      encoderLayers: options.encoder,
      decoderLayers: options.decoder,
      maxSource: options.source,
      maxTarget: options.target,
      bias: options.bias === 1,
      tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
    },
    "benchmark",
  );
  if (config.architecture !== "encoder-decoder") throw new Error("expected an encoder-decoder");
  return config;
}

/**
 * Model, program, weights and batch. They are the same for the same options.
 *
 * Shapes: `classes` [batch * target] contains the token with the whole mass of each soft target.
 */
export function trainStep(/** @type {StepOptions} */ options) {
  const { batch, source, target, vocab } = options;
  const config = benchmarkModel(options);
  const settings = trainingSettings.parse({
    steps: options.steps,
    learningRate: 1e-3,
    warmupSteps: 0,
    optimizer: OPTIMIZERS[options.muon],
    gradientCheckpointing: options.gradientCheckpointing === 1,
    mixedPrecision: options.precision,
  });
  /** @type {Parameters<typeof trainProgram>[2]} */
  const definition = {
    dropoutShapes: [],
    inputs: {
      source: { dtype: "int32", shape: [batch, source] },
      lengths: { dtype: "int32", shape: [batch] },
      target: { dtype: "int32", shape: [batch, target] },
      soft: { dtype: "float32", shape: [batch * target, vocab] },
      mask: { dtype: "float32", shape: [batch * target] },
      count: { dtype: "float32", shape: [] },
    },
    terms: [],
    build: (parameters, inputs) => {
      const x = /** @type {Record<"source" | "lengths" | "target" | "soft" | "mask" | "count", Tensor>} */ (
        inputs
      );
      const { states: encoded } = encode(config, parameters, x.source, { lengths: x.lengths });
      const bias = lengthBias({ lengths: x.lengths, ids: x.source }, {});
      const hidden = decode(config, parameters, x.target, {
        source: { cross: crossCaches(config, parameters, encoded), bias },
      });
      const logits = math.reshape(outputHead(config, parameters, hidden), [batch * target, vocab]);
      return { loss: softTargetCrossEntropy({ logits, mask: x.mask, count: x.count }, x.soft), terms: {} };
    },
  };
  const random = createRandom(1).next;
  const integers = (/** @type {number} */ count) =>
    Int32Array.from({ length: count }, () => Math.floor(random() * vocab));
  const weights = initializeWeights(config, random);
  const classes = integers(batch * target);
  const soft = new Float32Array(batch * target * vocab);
  for (const [row, token] of classes.entries()) soft[row * vocab + token] = 1;
  const plan = planRun(config);
  return {
    config,
    settings,
    plan,
    program: trainProgram("benchmark", plan, definition, settings),
    weights,
    classes,
    data: {
      source: createHostTensor("int32", [batch, source], integers(batch * source)),
      lengths: createHostTensor("int32", [batch], new Int32Array(batch).fill(source)),
      target: createHostTensor("int32", [batch, target], integers(batch * target)),
      soft: createHostTensor("float32", [batch * target, vocab], soft),
      mask: createHostTensor("float32", [batch * target], new Float32Array(batch * target).fill(1)),
      count: createHostTensor("float32", [], Float32Array.of(batch * target)),
    },
  };
}

/** Runs the steps of `settings` on an engine. @returns milliseconds and loss [nats per token] of each step, in order */
export async function takeSteps(
  /** @type {import("@slm/tensor").Engine} */ engine,
  /** @type {TrainStep} */ { settings, plan, program, weights, data },
) {
  const compiled = await engine.compile(program);
  const state = await uploadState(engine, plan, settings, weights);
  const batch = { ...data, soft: await engine.upload(data.soft) };
  /** @type {number[]} */
  const times = [];
  /** @type {number[]} */
  const losses = [];
  for (let step = 1; step <= settings.steps; step++) {
    /** @type {Record<string, Parameters<typeof compiled.run>[0]["feeds"][string]>} */
    const feeds = { ...state.feeds, ...batch };
    const scaling = settings.mixedPrecision === "float16" ? { [LOSS_SCALE]: 2 ** 16 } : {};
    for (const [name, value] of Object.entries({ ...stepScalars(step, settings), ...scaling }))
      feeds[name] = createHostTensor("float32", [], Float32Array.of(value));
    const start = performance.now();
    const { fetched } = await compiled.run({ feeds, fetch: ["loss"], into: state.into });
    times.push(performance.now() - start);
    losses.push(Number(fetched["loss"]?.data[0]));
  }
  return { times, losses };
}

/** The median of the times. */
export const medianOf = (/** @type {number[]} */ times) =>
  [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
