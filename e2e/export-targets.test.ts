/** Exports for every target, profile and precision, run on the CPU provider against the trained model. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDeviceModel } from "@slm/exported-model";
import { type DecoderOnlyConfig, type EncoderDecoderConfig } from "@slm/model";
import { type Checkpoint } from "@slm/checkpoints";
import { ALL_DEVICES, PRECISIONS, profilesOf } from "@slm/devices/table";
import { exportWeights, type ExportChoice, type ExportReport } from "@slm/onnx-export";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  SHAPES,
  TOLERANCE,
  TOWERS,
  decoderOnly,
  encoderDecoder,
  randomWeights,
  sees,
  tower,
} from "./random-models.js";

let runtime: Runtime;
let workspace: string;
let tokenizerDirectory: string;

beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 2 });
  workspace = await mkdtemp(join(tmpdir(), "slm-targets-"));
  tokenizerDirectory = join(workspace, "tokenizer");
  const files = trainSymbolTokenizer({ sources: ["abc"], targets: ["X Y"], sourceLowercase: false });
  await writeTokenizer(files, tokenizerDirectory);
});

afterAll(async () => {
  await runtime.close();
  await rm(workspace, { recursive: true });
});

async function exported(
  config: Checkpoint["config"],
  choice: ExportChoice,
  weights = randomWeights(config),
): Promise<{ readonly report: ExportReport; readonly directory: string }> {
  const directory = await mkdtemp(join(workspace, "export-"));
  const source = { config, weights, name: "tiny", tokenizerDirectory };
  return {
    report: await exportWeights(source, { outputDirectory: directory, runtime, ...choice }),
    directory,
  };
}

const combinations = ALL_DEVICES.flatMap(({ target, profile, precisions }) =>
  PRECISIONS.map((precision) => ({ target, profile, precision, isRejected: precisions[precision] !== true })),
);

const BUCKETS = [4, 16, 64];

/** Weights whose encoder would look at padding above all, were it to see it: nothing in training speaks against that. */
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
}, 60_000);

test("static graphs give empty slots no weight, however low the scores of tokens are", async () => {
  const weights = new Map(randomWeights(encoderDecoder));
  for (const [name, { data }] of weights) {
    // A token scores itself -16 · 12 · 12 / sqrt(16) = -576.
    if (/ttention\.query\.bias$/.test(name)) data.fill(-12 as never);
    if (/ttention\.key\.bias$/.test(name)) data.fill(12 as never);
  }
  const { report } = await exported(encoderDecoder, { target: "npu", buckets: BUCKETS }, weights);
  // Scores of some hundreds are rounded to 3e-5, and so is their softmax.
  expect(report.parity!.maxAbs).toBeLessThan(1e-3);
}, 60_000);

test.each(combinations.filter(({ isRejected }) => !isRejected))(
  "computes what the trained one does: $target $profile $precision",
  async ({ target, profile, precision }) => {
    const { report } = await exported(encoderDecoder, { target, profile, precision, buckets: BUCKETS });
    const { parity } = report;
    expect(parity?.maxAbs).toBeLessThan(TOLERANCE[precision]);
    expect(parity?.provider).toBe("cpu");
    expect(parity?.basis.includes("rounded to bfloat16")).toBe(precision === "bfloat16");
    expect(parity?.buckets.map(({ source }) => source)).toEqual(target === "npu" ? [4, 16, 24] : []);
    // Sources that fill a graph, and sources that leave most of it empty.
    expect(parity?.cases.some(({ bucket, source }) => bucket === null || source < bucket)).toBe(true);
  },
);

test.each(combinations.filter(({ isRejected }) => !isRejected))(
  "a vision-language model computes what the trained one does: $target $profile $precision",
  async ({ target, profile, precision }) => {
    const choice = { target, profile, precision, buckets: BUCKETS };
    const { report, directory } = await exported(sees({ tower }), choice);
    expect(report.parity?.maxAbs).toBeLessThan(TOLERANCE[precision]);
    // A length of 4 holds no image.
    expect(report.parity?.buckets.map(({ source }) => source)).toEqual(target === "npu" ? [16, 24] : []);
    const model = await readDeviceModel(directory);
    expect(model.graphs.vision?.file).toBe("vision.onnx");
    expect(model.vision).toMatchObject({ tokens: 6, width: 48, classToken: false });
  },
);

test.each(Object.entries(TOWERS))(
  "a vision-language model computes what the trained one does: %s",
  async (_name, vision) => {
    const choices: readonly ExportChoice[] = [
      { target: "cpu" },
      { target: "cpu", precision: "float16" },
      { target: "gpu", profile: "cuda" },
      { target: "gpu", profile: "coreml" },
      { target: "npu", profile: "vitisai", buckets: [14, 64] },
    ];
    for (const choice of choices) {
      const { report } = await exported(sees(vision), choice);
      expect(report.parity?.maxAbs, choice.target).toBeLessThan(TOLERANCE[choice.precision ?? "float32"]);
    }
  },
);

test("what a model sees counts: logits differ where only the image does", async () => {
  const { directory } = await exported(sees({ tower }), { target: "cpu" });
  const session = await runtime.load({ kind: "file", path: join(directory, "vision.onnx") });
  const seen = async (value: number): Promise<readonly number[]> => {
    const patches = createHostTensor("float32", [2, 6, 192], new Float32Array(2 * 6 * 192).fill(value));
    const { fetched } = await session.run({ feeds: { patches }, fetch: ["image_tokens"] });
    expect(fetched["image_tokens"]?.shape).toEqual([2, 6, 48]);
    return Array.from(fetched["image_tokens"]!.data as Float32Array);
  };
  const [dark, bright] = [await seen(-1), await seen(1)];
  // Both rows hold the same image.
  expect(dark.slice(0, 288)).toEqual(dark.slice(288));
  expect(Math.max(...dark.map((value, at) => Math.abs(value - bright[at]!)))).toBeGreaterThan(0.1);
});

test("an image that leaves no place for text in any static graph is rejected", async () => {
  await expect(exported(sees({ tower }), { target: "npu", buckets: [4, 6] })).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringContaining("an image is 6 tokens") as string,
  });
});

test.each(Object.entries(SHAPES))("computes what the trained one does: %s", async (_name, change) => {
  const choices: readonly ExportChoice[] = [
    { target: "gpu", profile: "cuda" },
    { target: "web" },
    { target: "npu", buckets: [6, 64] },
    { target: "web", layout: "transformers.js" },
  ];
  for (const choice of choices) {
    const { report } = await exported({ ...encoderDecoder, ...change }, choice);
    expect(report.parity?.maxAbs, choice.target).toBeLessThan(TOLERANCE.float32);
  }
});

test("computes what the trained one does in float16 over a cache that is not joined with new positions", async () => {
  const choice = { target: "cpu", precision: "float16" } as const;
  const { report } = await exported({ ...encoderDecoder, maxTarget: 150 }, choice);
  expect(report.parity?.maxAbs).toBeLessThan(TOLERANCE.float16);
});

test.each(combinations.filter(({ isRejected }) => isRejected))(
  "rejects $precision for $target $profile, saying why",
  async ({ target, profile, precision }) => {
    await expect(exported(encoderDecoder, { target, profile, precision })).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
      message: expect.stringContaining(
        `${profile} of target ${target} does not take ${precision}: `,
      ) as string,
    });
  },
);

test.each(["cpu", "gpu", "web"] as const)(
  "a decoder-only model computes what the trained one does: %s",
  async (target) => {
    for (const profile of profilesOf(target)) {
      const { report } = await exported(decoderOnly, { target, profile });
      expect(report.parity?.maxAbs).toBeLessThan(TOLERANCE.float32);
    }
  },
);

test.each([
  { target: "gpu", profile: "webgpu" },
  { target: "gpu", profile: "coreml" },
  { target: "web" },
] as const)("windows and capped scores are computed for $target $profile", async (device) => {
  const config: DecoderOnlyConfig = {
    ...decoderOnly,
    attentionSoftcap: 2,
    slidingWindow: { window: 5, layers: [1], ropeTheta: 300 },
  };
  const report = await exportWeights(
    { config, weights: randomWeights(config), name: "tiny", tokenizerDirectory },
    { ...device, outputDirectory: await mkdtemp(join(workspace, "windows-")), runtime },
  );
  expect(report.parity?.maxAbs).toBeLessThan(TOLERANCE.float32);
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
      // The first run takes 5 tokens and 3 more.
      expect(report.parity?.cases.map(({ target }) => target)).toEqual([5, 12]);
      const model = await readDeviceModel(directory);
      expect(model.static).toMatchObject({ window: 36, chunk: 5 });
      expect(Object.keys(model.graphs)).toEqual(["chunk", "decoder"]);
    }
  },
);

test("an encoder-decoder has a chunk graph where it is asked for", async () => {
  const { report, directory } = await exported(encoderDecoder, {
    target: "npu",
    buckets: BUCKETS,
    chunk: 4,
  });
  expect(report.parity?.maxAbs).toBeLessThan(TOLERANCE.float32);
  const model = await readDeviceModel(directory);
  expect(model.static?.buckets.map(({ chunk }) => chunk?.file)).toEqual(
    [4, 16, 24].map((source) => `chunk.${source}.onnx`),
  );
  await expect(exported(encoderDecoder, { target: "npu", chunk: 13 })).rejects.toMatchObject({
    code: "USAGE",
  });
});

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
  // Once for all six graphs, and a few rotary tables.
  expect(weights).toBeLessThan(4 * report.parameters * 1.1);
  expect(weights).toBeGreaterThan(4 * report.parameters * 0.9);
});

describe("layout transformers.js", () => {
  const layout = "transformers.js" as const;

  test.each([
    { target: "cpu", precision: "float32" },
    { target: "web", precision: "float32" },
    { target: "web", precision: "float16" },
    { target: "gpu", profile: "webgpu", precision: "float32" },
    { target: "gpu", profile: "coreml", precision: "float32" },
  ] as const)("computes what the trained model does: %o", async (choice) => {
    const { report } = await exported(encoderDecoder, { ...choice, layout });
    expect(report.parity?.maxAbs).toBeLessThan(TOLERANCE[choice.precision]);
    const suffix = choice.precision === "float16" ? "_fp16" : "";
    expect(report.files.map(({ path }) => path)).toEqual([
      "config.json",
      "generation_config.json",
      `onnx/decoder_model_merged${suffix}.onnx`,
      `onnx/encoder_model${suffix}.onnx`,
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
  });

  test.each([
    { target: "npu", precision: "float32" },
    { target: "gpu", precision: "bfloat16" },
  ] as const)("is rejected for %o", async (choice) => {
    await expect(exported(encoderDecoder, { ...choice, layout })).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
    });
  });

  test("has one graph for a decoder-only model, which computes what the trained one does", async () => {
    const { report } = await exported(decoderOnly, { target: "cpu", precision: "float32", layout });
    expect(report.parity?.maxAbs).toBeLessThan(TOLERANCE.float32);
    const graphs = report.files.map(({ path }) => path).filter((path) => path.endsWith(".onnx"));
    expect(graphs).toEqual(["onnx/model.onnx"]);
  });
});
