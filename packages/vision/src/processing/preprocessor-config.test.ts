import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SlmError } from "@slm/core";
import { parseImageProcessing, processedSize } from "./image-processing.js";
import { parsePreprocessorConfig, readPreprocessorConfig } from "./preprocessor-config.js";

const CLIP_336 = {
  image_processor_type: "CLIPImageProcessorFast",
  crop_size: { height: 336, width: 336 },
  do_center_crop: true,
  do_convert_rgb: true,
  do_normalize: true,
  do_resize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
  resample: 3,
  size: { shortest_edge: 336 },
};

describe(parsePreprocessorConfig, () => {
  test("reads the file of a published CLIP", () => {
    const { processing } = parsePreprocessorConfig(CLIP_336, "clip");
    expect(processing).toEqual({
      channels: 3,
      filter: "bicubic",
      resize: { kind: "shortestEdge", pixels: 336 },
      crop: { height: 336, width: 336 },
      scale: 1 / 255,
      mean: CLIP_336.image_mean,
      std: CLIP_336.image_std,
    });
    expect(processedSize(processing)).toEqual({ height: 336, width: 336 });
  });

  test("fills in the defaults of the image processor for keys that the file lacks", () => {
    expect(
      parsePreprocessorConfig({ feature_extractor_type: "ViTFeatureExtractor", size: 96 }, "vit").processing,
    ).toEqual({
      channels: 3,
      filter: "bilinear",
      resize: { kind: "stretch", height: 96, width: 96 },
      scale: 1 / 255,
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
    });
    expect(
      parsePreprocessorConfig({ image_processor_type: "SiglipImageProcessor" }, "siglip").processing,
    ).toMatchObject({
      filter: "bicubic",
      resize: { kind: "stretch", height: 224, width: 224 },
    });
  });

  test.each([
    [{ ...CLIP_336, image_processor_type: "BlipImageProcessor" }, /image_processor_type should be one of/],
    [{ size: 224 }, /got undefined/],
    [{ ...CLIP_336, do_center_crop: false }, /set crop/],
    [{ ...CLIP_336, resample: 0 }, /resample should be 1, 2 or 3, got 0/],
    [{ ...CLIP_336, do_thumbnail: true }, /do_thumbnail/],
    [{ ...CLIP_336, image_std: [0, 1, 1] }, /std/],
    [{ ...CLIP_336, size: { shortest_edge: 99_999 } }, /pixels/],
    [{ image_processor_type: "SiglipImageProcessor", size: { shortest_edge: 9 } }, /got shortest_edge/],
    [null, /expected object/],
  ])("rejects %j", (config, message) => {
    expect(() => parsePreprocessorConfig(config, "file.json")).toThrow(message);
  });

  test("any values of known keys result in settings with one size or a named rejection", () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.integer(),
      fc.constant({ height: 9, width: 8 }),
      fc.constant(true),
    );
    const keys = fc.constantFrom(
      ...Object.keys(CLIP_336),
      "do_rescale",
      "rescale_factor",
      "image_grid_pinpoints",
    );
    const property = fc.property(fc.dictionary(keys, value), (changes) => {
      try {
        const { processing } = parsePreprocessorConfig({ ...CLIP_336, ...changes }, "any");
        return processedSize(processing).height > 0;
      } catch (error) {
        return error instanceof SlmError && error.code === "CONFIG_INVALID";
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe(readPreprocessorConfig, () => {
  test("names a missing file", async () => {
    await expect(readPreprocessorConfig("/nowhere/preprocessor_config.json")).rejects.toMatchObject({
      code: "INPUT_MISSING",
    });
  });
});

describe(parseImageProcessing, () => {
  test("rejects means and deviations unless there is one per channel", () => {
    const grey = { channels: 1, resize: { kind: "stretch", height: 8, width: 8 } };
    expect(() => parseImageProcessing(grey, "grey")).toThrow(withCode("CONFIG_INVALID"));
  });
});
