/** Compares static graphs on the CPU provider with the trained model: padding, empty slots, sets of graphs, prompts in chunks. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readDeviceModel } from "@slm/exported-model";
import { type Checkpoint } from "@slm/checkpoints";
import { profilesOf } from "@slm/devices";
import { type DecoderOnlyConfig, type EncoderDecoderConfig } from "@slm/model";
import { expect, test } from "vitest";
import { decoderOnly, encoderDecoder, randomWeights, TOLERANCE } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

const BUCKETS = [4, 16, 64];

const exporter = new TinyModels();

const exported: TinyModels["exported"] = (...request) => exporter.exported(...request);

/** Weights with which the encoder would attend mostly to padding if it were not masked. Training does not prevent such weights. */
function weightsDrawnToPadding(config: EncoderDecoderConfig): Checkpoint["weights"] {
  const weights = new Map(randomWeights(config));
  const padding = (weights.get("embedding.weight")!.data as Float32Array).subarray(0, config.width);
  const size = Math.hypot(...padding);
  for (const [name, weight] of weights) {
    const { data } = weight;
    if (/^encoder.*ttention\.key\.weight$/.test(name))
      data.forEach((_, at) => (data[at] = Number(data[at]) + (20 * padding[at % config.width]!) / size));
    if (/^encoder.*ttention\.query\.bias$/.test(name)) data.fill(1 as never);
  }
  return weights;
}

test("static graphs do not see padding, however much a model would make of it", async () => {
  const choice = { target: "npu", buckets: BUCKETS } as const;
  const { report } = await exported(encoderDecoder, choice, weightsDrawnToPadding(encoderDecoder));
  expect(report.parity!.maxAbs).toBeLessThan(TOLERANCE.float32);
});

test("static graphs give empty slots no weight, however low the scores of tokens are", async () => {
  const weights = new Map(randomWeights(encoderDecoder));
  for (const [name, { data }] of weights) {
    // A token scores itself -16 · 12 · 12 / sqrt(16) = -576.
    if (/ttention\.query\.bias$/.test(name)) data.fill(-12 as never);
    if (/ttention\.key\.bias$/.test(name)) data.fill(12 as never);
  }
  const { report } = await exported(encoderDecoder, { target: "npu", buckets: BUCKETS }, weights);
  // Scores of a few hundred are rounded to 3e-5, which limits the precision of their softmax.
  expect(report.parity!.maxAbs).toBeLessThan(1e-3);
});

test.each(profilesOf("npu"))(
  "a decoder-only model computes what the trained one does: npu %s, prompts in chunks",
  async (profile) => {
    const changes: readonly Partial<DecoderOnlyConfig>[] = [
      {},
      { heads: 4, kvHeads: 4, activation: "swiglu", qkNorm: true, attentionSoftcap: 2 },
    ];
    for (const change of changes) {
      const { report, directory } = await exported(
        { ...decoderOnly, ...change },
        { target: "npu", profile, chunk: 5 },
      );
      expect(report.parity?.maxAbs).toBeLessThan(TOLERANCE.float32);
      // The first run has 5 tokens and 3 more.
      expect(report.parity?.cases.map(({ target }) => target)).toEqual([5, 12]);
      const model = await readDeviceModel(directory);
      expect(model.static).toMatchObject({ window: 36, chunk: 5 });
      expect(Object.keys(model.graphs)).toEqual(["chunk", "decoder"]);
    }
  },
);

test("a decoder-only model with sliding windows is rejected for target npu", async () => {
  const config: DecoderOnlyConfig = { ...decoderOnly, slidingWindow: { window: 5, layers: [1] } };
  await expect(exported(config, { target: "npu" })).rejects.toMatchObject({ code: "OP_UNSUPPORTED" });
});

test("graphs of all source lengths read one weights file, and model.json names them", async () => {
  const { report, directory } = await exported(encoderDecoder, {
    target: "npu",
    buckets: BUCKETS,
    window: 7,
  });
  const model = await readDeviceModel(directory);
  expect(model.static).toMatchObject({ window: 7, maskedBias: -32_768 });
  expect(model.static?.buckets.map(({ source, encoder }) => [source, encoder?.file])).toEqual([
    [4, "encoder.4.onnx"],
    [16, "encoder.16.onnx"],
    [24, "encoder.24.onnx"],
  ]);
  expect(model).toMatchObject({
    maxSource: 24,
    maxTarget: 7,
    profile: "qnn",
  });
  const { encoder, decoder } = model.static!.buckets.at(-1)!;
  expect(model.graphs).toEqual({ encoder, decoder });
  const weights = (await readFile(join(directory, "weights.data"))).length;
  // Weights are stored once for all six graphs, plus a few rotary tables.
  expect(weights).toBeLessThan(4 * report.parameters * 1.1);
  expect(weights).toBeGreaterThan(4 * report.parameters * 0.9);
});
