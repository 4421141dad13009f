import { describe, expect, test } from "vitest";
import { parseImageProcessing } from "./image-processing.js";
import { largestDifference, patternImage, referenceCases } from "../pixels.test-support.js";
import { processImage, shapeImage } from "./process-image.js";
import { parsePreprocessorConfig } from "./preprocessor-config.js";

const title = (entry: { width: number; height: number; config: object }): string =>
  `${entry.width} x ${entry.height} ${JSON.stringify(entry.config)}`;
const cases = referenceCases().map((entry) => ({ ...entry, title: title(entry) }));

describe(processImage, () => {
  test.each(cases)("is Hugging Face's for $title", (entry) => {
    const image = patternImage(entry.width, entry.height, entry.seed);
    const { processing } = parsePreprocessorConfig(entry.config, "case");
    const shaped = shapeImage(image, processing);
    const plane = shaped.width * shaped.height;
    const planes = Uint8Array.from(
      entry.pixels,
      (_, i) => shaped.data[(i % plane) * 3 + Math.floor(i / plane)]!,
    );
    expect(largestDifference(planes, entry.pixels)).toBe(0);
    const { channels, height, width, values } = processImage(image, processing);
    expect([channels, height, width]).toEqual(entry.shape);
    for (const [index, value] of entry.samples) expect(values[index]).toBeCloseTo(value, 6);
  });

  test("fits a grey line into a strip, at the left on white, whatever its proportions", () => {
    const config = parseImageProcessing(
      { channels: 1, resize: { kind: "fit", height: 8, width: 32 }, mean: [0], std: [1] },
      "strip",
    );
    const black = { width: 20, height: 10, channels: 3, data: new Uint8Array(600) } as const;
    const { values, ...shape } = processImage(black, config);
    expect(shape).toEqual({ channels: 1, height: 8, width: 32 });
    for (let row = 0; row < 8; row++) {
      expect(values[row * 32]).toBe(0);
      expect(values[row * 32 + 15]).toBe(0);
      expect(values[row * 32 + 16]).toBe(1);
    }
    const thin = processImage({ width: 1, height: 4000, channels: 3, data: new Uint8Array(12000) }, config);
    expect(thin.values.filter((value) => value === 0)).toHaveLength(8);
  });
});
