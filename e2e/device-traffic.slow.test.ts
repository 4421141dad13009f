/**
 * Counts the traffic between host and device in two ways: with a runtime that counts inputs and outputs of its callers, and by the copies
 * of ONNX Runtime's C interface between device and host memory. Without a GPU, the device is the CPU provider with memory that only copies
 * can access (`device-memory.test-support.ts`).
 */
import { beamSearch, openGraphModel, type GenerateOptions } from "@slm/inference";
import { createHostTensor, type DeviceTensor, type HostTensor, type Runtime } from "@slm/runtime";
import { countedRuntime, type Traffic } from "@slm/runtime/testing";
import { createOnnxEngine, type Engine } from "@slm/tensor";
import {
  createOnPolicyDecoder,
  DROPOUT_KEY,
  dropoutKey,
  LOSS_SCALE,
  packWeights,
  planChunks,
  planRun,
  stepScalars,
  trainProgram,
  uploadState,
  valueInput,
} from "@slm/training";
import { initializeWeights } from "@slm/model";
import { createRandom } from "@slm/generation";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { endlessRuntime } from "../packages/bench/src/models/endless-runtime.js";
import {
  openDeviceRuntime,
  type CopyingApi,
} from "../packages/runtime-native/src/host/device-memory.test-support.js";
import { decoderOnly, encoderDecoder as tinyModel } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";
import { encoderDecoder, SETTINGS, studentCase } from "./training-cases.js";

let runtime: Runtime;
let traffic: Traffic;
let api: CopyingApi;
beforeEach(async () => {
  const opened = await openDeviceRuntime();
  ({ api } = opened);
  ({ runtime, traffic } = countedRuntime(opened.runtime));
});
afterEach(() => runtime.close());

/** Bytes per number, token or position. */
const WORD = 4;
const scalar = (value: number): HostTensor => createHostTensor("float32", [], Float32Array.of(value));
const sizeOf = (tensors: Readonly<Record<string, HostTensor>>): number =>
  Object.values(tensors).reduce((total, { data }) => total + data.byteLength, 0);

describe("a training step", () => {
  const made = studentCase(encoderDecoder("grouped", 23), "shared");

  test.each([
    ["AdamW", {}],
    ["Muon, a moving average, dropout", { optimizer: "muon", emaDecay: 0.9, dropout: 0.2 }],
    ["float16", { mixedPrecision: "float16" }],
  ] as const)("takes its batch and gives its loss; weights and moments stay: %s", async (_label, changes) => {
    const settings = { ...SETTINGS, emaDecay: 0, ...changes };
    const engine: Engine = createOnnxEngine(runtime, { masks: "program" });
    const plan = planRun(made.config);
    const weights = initializeWeights(made.config, createRandom(3).next);
    const state = await uploadState(engine, plan, settings, weights);
    const program = await engine.compile(
      trainProgram("step", plan, made.definition, settings, "update", "program"),
    );
    const uploaded = { ...traffic };
    const { copiedBytes } = api;
    expect(copiedBytes).toBeGreaterThan(WORD * 2000);
    const STEPS = 5;
    let fedBytes = 0;
    for (let step = 1; step <= STEPS; step++) {
      const numbers = {
        ...stepScalars(step, settings),
        ...("mixedPrecision" in changes ? { [LOSS_SCALE]: 2 ** 10 } : {}),
      };
      const batch = {
        ...made.feeds,
        ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, scalar(value)])),
        ...("dropout" in changes ? { [DROPOUT_KEY]: dropoutKey(1, step) } : {}),
      };
      fedBytes += sizeOf(batch);
      await program.run({
        feeds: { ...state.feeds, ...batch },
        fetch: ["loss", "gradientNorm"],
        into: state.into,
      });
    }
    expect(traffic.toDevice - uploaded.toDevice).toBe(fedBytes);
    expect(traffic.toHost - uploaded.toHost).toBe(STEPS * 2 * WORD);
    expect(api.copiedBytes).toBe(copiedBytes);
    // A checkpoint copies every tensor of the state once.
    const [weight] = Object.values(state.feeds);
    await engine.download(weight!);
    expect(api.copiedBytes - copiedBytes).toBe(WORD * weight!.shape[0]!);
    await program.release();
    await engine.release(Object.values(state.feeds));
  });
});

describe("greedy answers of a model that is being trained", () => {
  test.each([
    ["encoder-decoder", tinyModel],
    ["decoder-only", decoderOnly],
  ] as const)("take and give a token of each row; weights and caches stay: %s", async (_label, config) => {
    const engine = createOnnxEngine(runtime);
    const weights = initializeWeights(config, createRandom(3).next);
    const feeds: Record<string, DeviceTensor> = {};
    for (const chunk of planChunks(config))
      feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
    const rows = 4;
    const live = { engine, config, feeds };
    const decoder = await createOnPolicyDecoder(live, { rows, source: 5, capacity: 16 });
    const sources = [[3, 4, 5], [4, 4], [5], [6, 3]].map((ids) => Int32Array.from(ids));
    const step = await decoder.start(sources);
    const [before, copied] = [{ ...traffic }, api.copiedBytes];
    const STEPS = 6;
    let tokens: Int32Array = new Int32Array(rows).fill(config.tokens.bos);
    for (let at = 0; at < STEPS; at++) tokens = (await step.topStep!(tokens)).ids;
    // In: a token per row and its position. Out: the picked token per row and its log-probability.
    expect(traffic.toDevice - before.toDevice).toBe(STEPS * 2 * rows * WORD);
    expect(traffic.toHost - before.toHost).toBe(STEPS * 2 * rows * WORD);
    expect(api.copiedBytes - copied).toBe(0);
    await decoder.close();
    await engine.release(Object.values(feeds));
  });
});

describe("an answer of a model for a GPU", () => {
  const exporter = new TinyModels();

  /** The size of the tiny models' vocabulary. */
  const VOCABULARY = 9;
  const encoderDecoder32 = { config: tinyModel, precision: "float32", prompts: 1 } as const;
  const encoderDecoder16 = { config: tinyModel, precision: "float16", prompts: 3 } as const;
  const decoderOnly32 = { config: decoderOnly, precision: "float32", prompts: 3 } as const;
  type Shape = typeof encoderDecoder32 | typeof encoderDecoder16 | typeof decoderOnly32;

  interface Answered {
    readonly tokens: number;
    readonly bytes: Traffic;
    readonly copied: number;
  }

  /** The traffic of a short answer and of a long one. */
  async function answers(
    { config, precision, prompts }: Shape,
    options: GenerateOptions,
  ): Promise<{ readonly short: Answered; readonly long: Answered }> {
    const shape = { ...config, vocabularySize: VOCABULARY };
    const { directory } = await exporter.exported(shape, { target: "gpu", profile: "cuda", precision });
    const generator = await openGraphModel(directory, endlessRuntime(runtime, config.tokens.eos));
    const answer = async (maxTokens: number): Promise<Answered> => {
      const [before, copied] = [{ ...traffic }, api.copiedBytes];
      const texts = ["abc", "bca", "caa"].slice(0, prompts);
      const made = await generator.generate(texts, { ...options, maxTokens });
      return {
        tokens: Math.max(...made.map(({ tokens }) => tokens.length)),
        bytes: {
          toDevice: traffic.toDevice - before.toDevice,
          toHost: traffic.toHost - before.toHost,
        },
        copied: api.copiedBytes - copied,
      };
    };
    // The first answer of a size creates the caches and fills them with zeros.
    await answer(9);
    const [short, long] = [await answer(3), await answer(9)];
    await generator.close();
    expect(long.tokens).toBeGreaterThan(short.tokens);
    return { short, long };
  }

  test.each([
    ["encoder-decoder, float32", encoderDecoder32],
    ["encoder-decoder, float16, a batch", encoderDecoder16],
    ["decoder-only, float32, a batch", decoderOnly32],
  ] as const)(
    "that is greedy takes and gives a token and its log-probability in each step; caches stay: %s",
    async (_label, shape) => {
      const { short, long } = await answers(shape, {});
      const steps = long.tokens - short.tokens;
      const rows = shape.prompts;
      // In: the token per row and the position. Out: the picked token per row and its log-probability.
      expect(long.bytes.toDevice - short.bytes.toDevice).toBe(steps * (rows + 1) * WORD);
      expect(long.bytes.toHost - short.bytes.toHost).toBe(steps * rows * 2 * WORD);
      expect(short.copied).toBe(0);
      expect(long.copied).toBe(0);
    },
  );

  test.each([
    ["encoder-decoder, of all tokens", encoderDecoder32, { temperature: 1 }],
    ["encoder-decoder, float16, a batch, top-k", encoderDecoder16, { temperature: 0.7, topK: 5 }],
    ["decoder-only, a batch, top-p and min-p", decoderOnly32, { temperature: 1.3, topP: 0.9, minP: 0.01 }],
  ] as const)(
    "that is sampled takes a number of each row besides; logits and caches stay: %s",
    async (_label, shape, sampling) => {
      const { short, long } = await answers(shape, { strategy: { kind: "sample", ...sampling }, seed: 3 });
      const steps = long.tokens - short.tokens;
      const rows = shape.prompts;
      expect(long.bytes.toDevice - short.bytes.toDevice).toBe(steps * (2 * rows + 1) * WORD);
      expect(long.bytes.toHost - short.bytes.toHost).toBe(steps * rows * 2 * WORD);
      expect(long.bytes.toHost).toBe(long.tokens * rows * 2 * WORD);
      // Temperature and filters, once per answer.
      expect(short.copied).toBe(4 * WORD);
      expect(long.copied).toBe(4 * WORD);
    },
  );

  test.each([
    ["encoder-decoder", encoderDecoder32],
    ["encoder-decoder, float16, a batch", encoderDecoder16],
    ["decoder-only, a batch", decoderOnly32],
  ] as const)(
    "of beams takes tokens and the order of rows, and gives candidates; logits and caches stay: %s",
    async (_label, shape) => {
      const beams = 5;
      const { short, long } = await answers(shape, { strategy: beamSearch(beams) });
      const steps = long.tokens - short.tokens;
      const rows = shape.prompts * beams;
      // The id and the logit of each candidate, and the normalizer of the row.
      const candidates = Math.min(2 * beams, VOCABULARY);
      expect(long.bytes.toHost - short.bytes.toHost).toBe(steps * rows * (2 * candidates + 1) * WORD);
      expect(long.bytes.toHost).toBe(long.tokens * rows * (2 * candidates + 1) * WORD);
      const caches = 2 * shape.config.decoderLayers;
      const orders =
        (long.bytes.toDevice - short.bytes.toDevice - steps * (rows + 1) * WORD) / (rows * caches * WORD);
      expect(orders).toBeGreaterThan(0);
      expect(orders).toBeLessThanOrEqual(steps);
      expect(Number.isInteger(orders)).toBe(true);
      expect(short.copied).toBe(0);
      expect(long.copied).toBe(0);
    },
  );
});
