/** Vision-language models in layout transformers.js must give the same answers in that library as in slm's own runtime. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRandom } from "@slm/generation";
import { openModel, type Generation } from "@slm/inference";
import { initializeWeights, visionConfig, type EncoderDecoderConfig } from "@slm/model";
import { exportWeights, type ExportChoice, type ExportReport } from "@slm/onnx-export";
import { quantizeDirectory, quantizeTransformers } from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import { imageOfFile } from "@slm/vision";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTransformers } from "./transformers-library.js";

/** The part of `@huggingface/transformers` that this test uses. Its types are not installed. */
interface Library {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  readonly RawImage: { read: (file: string) => Promise<object> };
  readonly AutoProcessor: {
    from_pretrained: (name: string) => Promise<(images: readonly object[]) => Promise<object>>;
  };
  readonly AutoModelForVision2Seq: {
    from_pretrained: (
      name: string,
      options: { readonly dtype: string | object },
    ) => Promise<{ generate: (inputs: object) => Promise<{ tolist: () => bigint[][] }> }>;
  };
  readonly pipeline: (
    task: "image-to-text",
    name: string,
    options: { readonly dtype: string | object },
  ) => Promise<(image: string, options?: object) => Promise<readonly { readonly generated_text: string }[]>>;
}

const tower = {
  image: { resize: { kind: "stretch", height: 16, width: 24 } },
  patch: { height: 8, width: 8 },
  width: 24,
  layers: 2,
  heads: 3,
  feedForward: 40,
} as const;

/** Settings as in a recipe. */
type Vision = Readonly<Record<string, unknown>>;

const VISIONS: Readonly<Record<string, Vision>> = {
  stretched: { tower },
  fitted: {
    tower: {
      ...tower,
      patch: { height: 16, width: 5 },
      patchNorm: true,
      convolution: { layers: 1, height: 1, width: 3 },
      image: {
        channels: 1,
        mean: [0.4],
        std: [0.6],
        filter: "bilinear",
        resize: { kind: "fit", height: 16, width: 48 },
      },
    },
    projector: { pool: { kind: "average", height: 1, width: 4 } },
  },
  cropped: {
    tower: {
      ...tower,
      inputNorm: true,
      outputNorm: false,
      patchBias: false,
      activation: "quickGelu",
      classToken: "dropped",
      image: {
        mean: [0.48, 0.46, 0.41],
        std: [0.27, 0.26, 0.28],
        resize: { kind: "shortestEdge", pixels: 20 },
        crop: { height: 16, width: 24 },
      },
    },
  },
  unsized: { tower: { ...tower, image: { crop: { height: 24, width: 25 } } } },
};

const config = (vision: Vision, prompt?: string): EncoderDecoderConfig => ({
  architecture: "encoder-decoder",
  width: 48,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  feedForward: 96,
  encoderLayers: 2,
  decoderLayers: 2,
  maxSource: 24,
  maxTarget: 12,
  ropeTheta: 10_000,
  normEpsilon: 1e-6,
  bias: true,
  headOrder: "grouped",
  vocabularySize: 40,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
  vision: visionConfig.parse({ ...vision, ...(prompt === undefined ? {} : { prompt }) }),
});

/** Images of several sizes and formats, all much larger or smaller than the tower's input. */
const PICTURES = [
  "packages/vision/fixtures/files/colour.png",
  "packages/vision/fixtures/files/grey.jpg",
  "docs/scenes.png",
  "docs/ocr-lines.png",
].map((name) => fileURLToPath(new URL(`../${name}`, import.meta.url)));

let workspace: string;
let runtime: Runtime;
let library: Library;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ library, workspace, runtime, close } = await openTransformers<Library>());
});

afterAll(async () => {
  await close();
});

async function exported(
  name: string,
  shape: EncoderDecoderConfig,
  choice: ExportChoice,
): Promise<ExportReport> {
  const { next } = createRandom(5);
  const weights = new Map(initializeWeights(shape, next));
  for (const [weight, { shape: size, data }] of weights) {
    // Larger than initial weights, so that greedy choices depend on the image and are clear.
    if (size.length === 2 && weight !== "embedding.weight")
      (data as Float32Array).forEach((value, index) => {
        data[index] = (weight.startsWith("vision") ? 4 : 2.5) * value;
      });
  }
  const outputDirectory = join(workspace, name);
  await mkdir(outputDirectory, { recursive: true });
  const source = { config: shape, weights, name: "tiny", tokenizerDirectory: join(workspace, "tokenizer") };
  return exportWeights(source, { outputDirectory, runtime, ...choice });
}

/** Answers of slm's own runtime for every image. */
async function answers(name: string): Promise<readonly Generation[]> {
  const generator = await openModel(join(workspace, name), runtime);
  try {
    return await generator.generate(PICTURES.map((file) => ({ image: imageOfFile(file) })));
  } finally {
    await generator.close();
  }
}

describe("a model that asks every image the same, in layout transformers.js", () => {
  test.each(Object.entries(VISIONS))("gives the answers of slm's own runtime: %s", async (name, vision) => {
    const shape = config(vision, "hello");
    await exported(`${name}-native`, shape, { target: "cpu" });
    const report = await exported(name, shape, { target: "web", layout: "transformers.js" });
    expect(report.parity?.maxAbs).toBeLessThan(1e-4);
    const expected = await answers(`${name}-native`);
    expect(new Set(expected.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(1);

    const processor = await library.AutoProcessor.from_pretrained(name);
    const model = await library.AutoModelForVision2Seq.from_pretrained(name, { dtype: "fp32" });
    // Both stop at the model's longest target, which includes the BOS token only in the library.
    const length = shape.maxTarget - 1;
    for (const [index, file] of PICTURES.entries()) {
      const { tokens } = expected[index]!;
      const inputs = await processor([await library.RawImage.read(file)]);
      const [row] = (await model.generate({ ...inputs })).tolist();
      const made = row!.slice(1).map(Number);
      const end = made.indexOf(shape.tokens.eos);
      expect((end < 0 ? made : made.slice(0, end)).slice(0, length), file).toEqual(tokens.slice(0, length));
    }
  });

  test("answers a file as the library's pipeline image-to-text", async () => {
    const shape = config(VISIONS["fitted"]!, "hello");
    await exported("piped-native", shape, { target: "cpu" });
    await exported("piped", shape, { target: "web", layout: "transformers.js" });
    const ask = await library.pipeline("image-to-text", "piped", { dtype: "fp32" });
    for (const [index, { text }] of (await answers("piped-native")).entries()) {
      const [answer] = await ask(PICTURES[index]!, { max_new_tokens: shape.maxTarget });
      expect(answer!.generated_text).toBe(text);
    }
  });

  test("answers from quantized graphs as slm's own runtime does", async () => {
    const shape = config(VISIONS["stretched"]!, "hello");
    const scheme = "int8-block"; // Only weight schemes: the library's pixels can differ by one level, which changes the scales of activations.
    const at = (name: string): string => join(workspace, name);
    await exported("whole-native", shape, { target: "cpu" });
    await quantizeDirectory({
      modelDirectory: at("whole-native"),
      outputDirectory: at("small-native"),
      scheme,
    });
    await exported("whole", shape, { target: "web", layout: "transformers.js" });
    const { dtypes } = await quantizeTransformers({
      modelDirectory: at("whole"),
      outputDirectory: at("small"),
      scheme,
    });
    expect(dtypes).toEqual({ encoder_model: "int8", decoder_model_merged: "int8" });
    const ask = await library.pipeline("image-to-text", "small", { dtype: dtypes });
    for (const [index, { text }] of (await answers("small-native")).entries()) {
      const [answer] = await ask(PICTURES[index]!, { max_new_tokens: shape.maxTarget });
      expect(answer!.generated_text).toBe(text);
    }
  });

  test("takes several images at once, and half precision", async () => {
    const shape = config(VISIONS["stretched"]!, "hello");
    const report = await exported("half", shape, {
      target: "web",
      layout: "transformers.js",
      precision: "float16",
    });
    expect(report.files.map(({ path }) => path)).toEqual([
      "config.json",
      "generation_config.json",
      "onnx/decoder_model_merged_fp16.onnx",
      "onnx/encoder_model_fp16.onnx",
      "preprocessor_config.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const processor = await library.AutoProcessor.from_pretrained("half");
    const model = await library.AutoModelForVision2Seq.from_pretrained("half", { dtype: "fp16" });
    const image = await library.RawImage.read(PICTURES[0]!);
    const rows = (await model.generate({ ...(await processor([image, image])) })).tolist();
    expect(rows.length).toBe(2);
    expect(rows[0]).toEqual(rows[1]);
  });
});

describe("a vision-language model is rejected in layout transformers.js", () => {
  const layout = { target: "web", layout: "transformers.js" } as const;

  test("when it is asked in words", async () => {
    await expect(exported("asked", config({ tower }), layout)).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
      suggestions: [expect.stringContaining("vision.prompt"), expect.any(String)] as string[],
    });
  });

  test("when its question is longer than its sources", async () => {
    const shape = config({ tower }, "abc".repeat(10));
    await expect(exported("long", shape, layout)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test("when it resizes by a filter that ONNX has none of", async () => {
    const image = { ...tower.image, filter: "lanczos" } as const;
    const shape = config({ tower: { ...tower, image } }, "hello");
    await expect(exported("lanczos", shape, layout)).rejects.toMatchObject({ code: "OP_UNSUPPORTED" });
  });
});
