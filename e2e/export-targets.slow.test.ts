/** Compares exports for every target, profile and precision on the CPU provider with the trained model. */
import { readDeviceModel } from "@slm/exported-model";
import type { DecoderOnlyConfig } from "@slm/model";
import { ALL_DEVICES, PRECISIONS, profilesOf } from "@slm/devices";
import { type ExportChoice } from "@slm/onnx-export";
import { describe, expect, test } from "vitest";
import {
  decoderOnly,
  encoderDecoder,
  NATIVE_SHAPES,
  sees,
  SHAPES,
  TOLERANCE,
  tower,
  TOWERS,
} from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

const exporter = new TinyModels();

const exported: TinyModels["exported"] = (...request) => exporter.exported(...request);

const combinations = ALL_DEVICES.flatMap(({ target, profile, precisions }) =>
  PRECISIONS.map((precision) => ({ target, profile, precision, isRejected: precisions[precision] !== true })),
);

const BUCKETS = [4, 16, 64];

test.each(combinations.filter(({ isRejected }) => !isRejected))(
  "computes what the trained one does: $target $profile $precision",
  async ({ target, profile, precision }) => {
    const { report } = await exported(encoderDecoder, { target, profile, precision, buckets: BUCKETS });
    const { parity } = report;
    expect(parity?.maxAbs).toBeLessThan(TOLERANCE[precision]);
    expect(parity?.provider).toBe("cpu");
    expect(parity?.basis.includes("rounded to bfloat16")).toBe(precision === "bfloat16");
    expect(parity?.buckets.map(({ source }) => source)).toEqual(target === "npu" ? [4, 16, 24] : []);
    // Sources that fill a graph, and much shorter ones.
    expect(parity?.cases.some(({ bucket, source }) => bucket === null || source < bucket)).toBe(true);
  },
);

test.each(combinations.filter(({ isRejected }) => !isRejected))(
  "a vision-language model computes what the trained one does: $target $profile $precision",
  async ({ target, profile, precision }) => {
    const choice = { target, profile, precision, buckets: BUCKETS };
    const { report, directory } = await exported(sees({ tower }), choice);
    expect(report.parity?.maxAbs).toBeLessThan(TOLERANCE[precision]);
    // A length of 4 has no room for an image.
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

test.each(combinations.filter(({ isRejected, precision }) => !isRejected && precision !== "float32"))(
  "a model that pools tokens computes what the trained one does: $target $profile $precision",
  async ({ target, profile, precision }) => {
    const config = { ...encoderDecoder, encoderPooling: { afterLayers: [1], group: 2 } };
    const { report } = await exported(config, { target, profile, precision, buckets: BUCKETS });
    expect(report.parity?.maxAbs).toBeLessThan(TOLERANCE[precision]);
  },
);

test("an image that leaves no room for text in any static graph is rejected", async () => {
  await expect(exported(sees({ tower }), { target: "npu", buckets: [4, 6] })).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringContaining("an image has 6 tokens") as string,
  });
});

/** Shapes that reveal a wrong head, axis or position, on one profile for every attention lowering. */
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

test.each(Object.entries(NATIVE_SHAPES))(
  "computes what the trained one does in slm's own layout: %s",
  async (_name, change) => {
    const choices: readonly ExportChoice[] = [
      { target: "cpu" },
      { target: "gpu", profile: "cuda" },
      { target: "gpu", profile: "cuda", precision: "float16" },
      { target: "gpu", profile: "coreml" },
      { target: "web" },
      { target: "web", precision: "float16" },
      { target: "npu", buckets: [6, 64] },
      { target: "npu", profile: "openvino", buckets: [6, 64] },
      { target: "npu", profile: "coreml", precision: "float16" },
      { target: "npu", profile: "vitisai" },
    ];
    const config = { ...encoderDecoder, ...change };
    for (const choice of choices) {
      const { report } = await exported(config, choice);
      const tolerance = TOLERANCE[choice.precision ?? "float32"];
      expect(report.parity?.maxAbs, JSON.stringify(choice)).toBeLessThan(tolerance);
    }
    await expect(exported(config, { target: "web", layout: "transformers.js" })).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
      message: expect.stringContaining("layout transformers.js has no model class with") as string,
    });
  },
  120_000,
);

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
        `${profile} of target ${target} does not support ${precision}: `,
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
  const { report } = await exported(config, device);
  expect(report.parity?.maxAbs).toBeLessThan(TOLERANCE.float32);
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
