import { withCode } from "@slm/core/testing";
import { encoderDecoderConfig, towerReader, type EncoderDecoderConfig } from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import { describe, expect, test } from "vitest";
import { sourceFeeds, sourceSpecs } from "./source-feeds.js";

const shape = {
  ...TINY_SHAPE,
  encoderLayers: 1,
  maxSource: 12,
  maxTarget: 5,
  vocabularySize: 12,
};
const reader = encoderDecoderConfig.parse(shape);
const tower = {
  image: { channels: 1, resize: { kind: "fit", height: 2, width: 6 }, mean: [0.5], std: [0.5] },
  patch: { height: 2, width: 2 },
  width: 4,
  layers: 1,
  heads: 1,
  feedForward: 4,
};
const seeing: EncoderDecoderConfig = encoderDecoderConfig.parse({ ...shape, vision: { tower } });
const sources = [
  [5, 6],
  [7, 8, 9],
];

describe(sourceFeeds, () => {
  test("pads texts on the right; rows without one contain a single padding token", () => {
    const { ids, lengths, ...more } = sourceFeeds(reader, { rows: 3, source: 3 }, sources);
    expect([...ids!.data]).toEqual([5, 6, 0, 7, 8, 9, 0, 0, 0]);
    expect([...lengths!.data]).toEqual([2, 3, 1]);
    expect(more).toEqual({});
  });

  test("counts the tokens of images, and each row has the patches of its own image", () => {
    const images = [1, 2].map((factor) => Uint8Array.from({ length: 12 }, (_, i) => i * 10 * factor));
    const feeds = sourceFeeds(seeing, { rows: 3, source: 3 }, sources, images);
    expect([...feeds["lengths"]!.data]).toEqual([5, 6, 4]);
    const patches = feeds["patches"]!;
    expect(patches.shape).toEqual([3, 3, 4]);
    images.forEach((samples, row) => {
      const expected = new Float32Array(12);
      towerReader(seeing.vision!.tower)(samples, expected);
      expect(patches.data.slice(row * 12, (row + 1) * 12)).toEqual(expected);
    });
    expect(patches.data.slice(24)).toEqual(new Float32Array(12));
    for (const [name, { shape: size }] of Object.entries(sourceSpecs(seeing, { rows: 3, source: 3 })))
      expect(feeds[name]!.shape).toEqual(size);
  });

  test.each([undefined, [], [new Uint8Array(12)]])(
    "rejects a vision-language model another number of images: %#",
    (images) => {
      expect(() => sourceFeeds(seeing, { rows: 3, source: 3 }, sources, images)).toThrow(
        withCode("UNEXPECTED"),
      );
    },
  );
});
