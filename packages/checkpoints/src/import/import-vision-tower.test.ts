import { withCode } from "@slm/core/testing";
import { join } from "node:path";
import { runTower, toFloat32, TOWER } from "@slm/model";
import { compute } from "@slm/model/testing";
import { type HostTensor, createHostTensor } from "@slm/runtime";
import { parsePreprocessorConfig, toPatches, type ImageProcessing } from "@slm/vision";
import { describe, expect, test } from "vitest";
import { readSafetensors } from "../safetensors.js";
import { type ExternalCheckpoint } from "../external-checkpoint.js";
import { readHuggingFaceDirectory } from "./hugging-face-directory.js";
import { importVisionTower } from "./import-vision-tower.js";

const FIXTURES = join(import.meta.dirname, "../../fixtures/import");
/** Sums of a few dozen float32 numbers, in another order than PyTorch's. */
const TOLERANCE = 1e-4;

const processing = (side: number): ImageProcessing =>
  parsePreprocessorConfig(
    { image_processor_type: "SiglipImageProcessor", size: { height: side, width: side } },
    "test",
  ).processing;

async function features(
  external: ExternalCheckpoint,
  image: ImageProcessing,
  pixels: HostTensor,
): Promise<HostTensor> {
  const { tower, weights } = await importVisionTower(external, image);
  const [images, channels, height, width] = pixels.shape as [number, number, number, number];
  const isClassed = tower.classToken !== "none";
  const rows = Array.from({ length: images }, (_, image) => {
    const size = channels * height * width;
    const values = (pixels.data as Float32Array).subarray(image * size, (image + 1) * size);
    const patches = toPatches({ channels, height, width, values }, tower.patch);
    const row = channels * tower.patch.height * tower.patch.width;
    return isClassed ? [...new Float32Array(row), ...patches] : [...patches];
  });
  const values = channels * tower.patch.height * tower.patch.width;
  const patches = createHostTensor(
    "float32",
    [images, rows[0]!.length / values, values],
    Float32Array.from(rows.flat()),
  );
  const feeds = { ...Object.fromEntries(weights), patches };
  const { out } = await compute(feeds, (x) => ({ out: runTower(tower, x, x["patches"]!) }), ["out"]);
  return out!;
}

const SIDES = { clip: 12, siglip: 14 };

describe(importVisionTower, () => {
  test.each([
    ["clip", "penultimate"],
    ["siglip", "last"],
  ] as const)("has the features of %s: the %s layer", async (name, which) => {
    const directory = join(FIXTURES, name);
    const external = await readHuggingFaceDirectory(directory);
    const { tensors } = await readSafetensors(join(directory, "expected.safetensors"));
    const found = await features(external, processing(SIDES[name]), tensors.get("pixels")!);
    const expected = toFloat32(tensors.get(which)!, which);
    const [images, tokens, width] = expected.shape as [number, number, number];
    const isDropped = name === "clip";
    expect(found.shape).toEqual([images, isDropped ? tokens - 1 : tokens, width]);
    const wanted = (expected.data as Float32Array).filter(
      (_, i) => !isDropped || Math.floor(i / width) % tokens > 0,
    );
    wanted.forEach((value, i) => {
      expect(Math.abs((found.data as Float32Array)[i]! - value)).toBeLessThan(TOLERANCE);
    });
  });

  test("leaves out the layers after the features that are read", async () => {
    const external = await readHuggingFaceDirectory(join(FIXTURES, "clip"));
    const { tower, weights } = await importVisionTower(external, processing(12));
    expect(tower.layers).toBe(2);
    expect([...weights.keys()].some((name) => name.startsWith(`${TOWER}.layers.2`))).toBe(false);
    expect(weights.has(`${TOWER}.outputNorm.weight`)).toBe(false);
  });

  test.each([
    [{ model_type: "blip" }, /model_type should be one of clip, /],
    [{ vision_config: { hidden_size: 17, num_attention_heads: 2 } }, /heads 2 do not divide width 17/],
    [{ vision_config: { hidden_size: 1e9 } }, /hidden_size/],
  ])("rejects %j", async (changes, message) => {
    const external = await readHuggingFaceDirectory(join(FIXTURES, "clip"));
    const config = {
      ...external.config,
      ...changes,
      vision_config: {
        ...(external.config["vision_config"] as object),
        ...(changes as { vision_config?: object }).vision_config,
      },
    };
    await expect(importVisionTower({ ...external, config }, processing(12))).rejects.toThrow(message);
  });

  test("names a tensor that is missing or of another size", async () => {
    const external = await readHuggingFaceDirectory(join(FIXTURES, "clip"));
    const tensors = external.tensors.filter(({ name }) => !name.includes("layer_norm2"));
    await expect(importVisionTower({ ...external, tensors }, processing(12))).rejects.toThrow(
      withCode("SHAPE_MISMATCH"),
    );
    await expect(importVisionTower(external, processing(16))).rejects.toThrow(withCode("SHAPE_MISMATCH"));
  });
});
