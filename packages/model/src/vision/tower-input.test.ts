import { processImage, toPatches, type PixelImage } from "@slm/vision";
import { describe, expect, test } from "vitest";
import { towerInput, towerReader, towerSampleCount, towerSamples } from "./tower-input.js";
import { patchValues, towerTokens, visionTower, type VisionTower } from "../config/vision-config.js";

const towerOf = (channels: 1 | 3, classToken: VisionTower["classToken"]): VisionTower =>
  visionTower.parse({
    image: {
      channels,
      resize: { kind: "fit", height: 6, width: 10 },
      mean: new Array<number>(channels).fill(0.4),
      std: [0.2, 0.3, 0.5].slice(0, channels),
    },
    patch: { height: 3, width: 4 },
    width: 4,
    layers: 1,
    heads: 1,
    feedForward: 4,
    classToken,
  });

const image: PixelImage = {
  width: 13,
  height: 9,
  channels: 3,
  data: Uint8Array.from({ length: 13 * 9 * 3 }, (_, i) => (i * 37) % 256),
};

describe(towerInput, () => {
  test.each([
    [1, "none"],
    [3, "none"],
    [3, "dropped"],
  ] as const)("is the processed image in patches: %i channels, class token %s", (channels, classToken) => {
    const tower = towerOf(channels, classToken);
    const patches = toPatches(processImage(image, tower.image), tower.patch);
    const rows = towerInput(tower, image);
    expect(rows.length).toBe(towerTokens(tower) * patchValues(tower));
    const before = classToken === "none" ? 0 : patchValues(tower);
    expect(rows.subarray(before)).toEqual(patches);
    expect(rows.subarray(0, before).every((value) => value === 0)).toBe(true);
  });
});

describe(towerReader, () => {
  test("makes the same rows of kept samples, into memory that held another image", () => {
    const tower = towerOf(3, "kept");
    const samples = towerSamples(tower, image);
    expect(samples.length).toBe(towerSampleCount(tower));
    const into = new Float32Array(towerTokens(tower) * patchValues(tower)).fill(9);
    towerReader(tower)(samples, into);
    expect(into).toEqual(towerInput(tower, image));
  });
});
