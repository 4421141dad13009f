/** Vision-language models in layout transformers.js must give the same answers in that library as in slm's own runtime. */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import type { Generation } from "@slm/inference";
import { visionConfig, type EncoderDecoderConfig } from "@slm/model";
import type { ExportChoice } from "@slm/onnx-export";
import { quantizeTransformers } from "@slm/quantization";
import { imageOfFile } from "@slm/vision";
import { describe, expect, test } from "vitest";
import { tower } from "./random-models.js";
import { answerOf, clearWeights, config, LibraryModels, LONGEST } from "./transformers-library.js";

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

const seeing = (vision: Vision, prompt?: string): EncoderDecoderConfig => ({
  ...config,
  vision: visionConfig.parse({ ...vision, ...(prompt === undefined ? {} : { prompt }) }),
});

/** Images of several sizes and formats, all much larger or smaller than the tower's input. */
const PICTURES = [
  "packages/vision/fixtures/files/colour.png",
  "packages/vision/fixtures/files/grey.jpg",
  "docs/scenes.png",
  "docs/ocr-lines.png",
].map((name) => fileURLToPath(new URL(`../${name}`, import.meta.url)));

const models = new LibraryModels<Library>();
const WEB = { target: "web", layout: "transformers.js" } as const;

const exported = (shape: EncoderDecoderConfig, choice: ExportChoice): ReturnType<typeof models.exported> =>
  models.exported(shape, choice, clearWeights(shape));

/** Answers of slm's own runtime for every image. */
const answers = async (directory: string): Promise<readonly Generation[]> =>
  (await models.open(directory)).generate(PICTURES.map((file) => ({ image: imageOfFile(file) })));

/** Expects the library's pipeline to give the texts of slm's own runtime. */
async function expectSameTexts(directory: string, dtype: string | object, native: string): Promise<void> {
  const ask = await models.library.pipeline("image-to-text", basename(directory), { dtype });
  for (const [index, { text }] of (await answers(native)).entries()) {
    const [answer] = await ask(PICTURES[index]!, { max_new_tokens: config.maxTarget });
    expect(answer!.generated_text).toBe(text);
  }
}

describe("a model that asks every image the same, in layout transformers.js", () => {
  test.each(Object.entries(VISIONS))("gives the answers of slm's own runtime: %s", async (_name, vision) => {
    const shape = seeing(vision, "hello");
    const native = await exported(shape, { target: "cpu" });
    const { report, directory } = await exported(shape, WEB);
    expect(report.parity?.maxAbs).toBeLessThan(1e-4);
    const expected = await answers(native.directory);
    expect(new Set(expected.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(1);

    const { AutoProcessor, AutoModelForVision2Seq, RawImage } = models.library;
    const processor = await AutoProcessor.from_pretrained(basename(directory));
    const model = await AutoModelForVision2Seq.from_pretrained(basename(directory), { dtype: "fp32" });
    for (const [index, file] of PICTURES.entries()) {
      const inputs = await processor([await RawImage.read(file)]);
      const [row] = (await model.generate({ ...inputs })).tolist();
      expect(answerOf(row!), file).toEqual(expected[index]!.tokens.slice(0, LONGEST));
    }
  });

  test("answers a file as the library's pipeline image-to-text", async () => {
    const shape = seeing(VISIONS["fitted"]!, "hello");
    const native = await exported(shape, { target: "cpu" });
    await expectSameTexts((await exported(shape, WEB)).directory, "fp32", native.directory);
  });

  test("answers from quantized graphs as slm's own runtime does", async () => {
    const shape = seeing(VISIONS["stretched"]!, "hello");
    const scheme = "int8-block"; // Only weight schemes: the library's pixels can differ by one level, which changes the scales of activations.
    const native = await exported(shape, { target: "cpu" });
    const whole = await exported(shape, WEB);
    const outputDirectory = await models.newDirectory();
    const { dtypes } = await quantizeTransformers({
      modelDirectory: whole.directory,
      outputDirectory,
      scheme,
    });
    expect(dtypes).toEqual({ encoder_model: "int8", decoder_model_merged: "int8" });
    await expectSameTexts(outputDirectory, dtypes, await models.quantized(native.directory, scheme));
  });
});

describe("a vision-language model is rejected in layout transformers.js", () => {
  test("when it is asked in words", async () => {
    await expect(exported(seeing({ tower }), WEB)).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
      suggestions: [expect.stringContaining("vision.prompt"), expect.any(String)] as string[],
    });
  });

  test("when its question is longer than its sources", async () => {
    const shape = seeing({ tower }, "abc".repeat(10));
    await expect(exported(shape, WEB)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test("when it resizes by a filter that ONNX has none of", async () => {
    const image = { ...tower.image, filter: "lanczos" } as const;
    const shape = seeing({ tower: { ...tower, image } }, "hello");
    await expect(exported(shape, WEB)).rejects.toMatchObject({ code: "OP_UNSUPPORTED" });
  });
});
