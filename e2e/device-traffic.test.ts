/**
 * What crosses between the host and a device, counted twice: by a runtime that counts what its callers feed and fetch, and by the copies of
 * ONNX Runtime's C interface between a device's memory and the host's. The device is the CPU provider with memory that only copies reach
 * (`device-memory.test-support.ts`), because no GPU is at hand.
 */
import { loadGenerator } from "@slm/inference";
import { createHostTensor, type HostTensor, type Runtime } from "@slm/runtime";
import { countedRuntime, type Traffic } from "@slm/runtime/testing";
import { createOnnxEngine, type Engine } from "@slm/tensor";
import {
  DROPOUT_KEY,
  dropoutKey,
  LOSS_SCALE,
  planRun,
  stepScalars,
  trainProgram,
  uploadState,
} from "@slm/training";
import { initializeWeights } from "@slm/model";
import { createRandom } from "@slm/decoding";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { endlessRuntime } from "../packages/bench/src/endless-runtime.js";
import {
  openDeviceRuntime,
  type CopyingApi,
} from "../packages/runtime-native/src/device-memory.test-support.js";
import { decoderOnly, encoderDecoder as tinyModel } from "./random-models.js";
import { openTinyExporter, type TinyExporter } from "./tiny-exports.js";
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

/** Bytes of a number, a token or a position. */
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

describe("a greedy answer of a model for a GPU", () => {
  let exporter: TinyExporter;
  beforeAll(async () => {
    exporter = await openTinyExporter();
  });
  afterAll(() => exporter.close());

  test.each([
    ["encoder-decoder, float32", tinyModel, "float32", 1],
    ["encoder-decoder, float16, a batch", tinyModel, "float16", 3],
    ["decoder-only, float32, a batch", decoderOnly, "float32", 3],
  ] as const)(
    "takes and gives a token and its log-probability in each step; caches stay: %s",
    async (_label, config, precision, rows) => {
      // As many tokens as the tokenizer of tiny models has.
      const shape = { ...config, vocabularySize: 9 };
      const { directory } = await exporter.exported(shape, { target: "gpu", profile: "cuda", precision });
      const generator = await loadGenerator(directory, endlessRuntime(runtime, config.tokens.eos));
      const prompts = Array.from({ length: rows }, () => "abc");
      const answer = async (
        maxTokens: number,
      ): Promise<{ tokens: number; bytes: Traffic; copied: number }> => {
        const [before, copied] = [{ ...traffic }, api.copiedBytes];
        const made = await generator.generate(prompts, { maxTokens });
        return {
          tokens: Math.max(...made.map(({ tokens }) => tokens.length)),
          bytes: {
            toDevice: traffic.toDevice - before.toDevice,
            toHost: traffic.toHost - before.toHost,
          },
          copied: api.copiedBytes - copied,
        };
      };
      // Caches are made and filled with zeros by the first answer of their size.
      await answer(9);
      const short = await answer(3);
      const long = await answer(9);
      const steps = long.tokens - short.tokens;
      expect(steps).toBeGreaterThan(0);
      // The token of each row and the position; the picked token of each row and its log-probability.
      expect(long.bytes.toDevice - short.bytes.toDevice).toBe(steps * (rows + 1) * WORD);
      expect(long.bytes.toHost - short.bytes.toHost).toBe(steps * rows * 2 * WORD);
      expect(short.copied).toBe(0);
      expect(long.copied).toBe(0);
      await generator.close();
    },
  );
});
