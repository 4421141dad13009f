import { withCode } from "@slm/core/testing";
import { expect, describe, test } from "vitest";
import { toPatches, toPixelPatches } from "./patches.js";

describe(toPatches, () => {
  test("lays out patches by rows, values of a patch by channel, row and column", () => {
    const values = Float32Array.from({ length: 2 * 4 * 6 }, (_, i) => i);
    const patches = toPatches({ channels: 2, height: 4, width: 6, values }, { height: 2, width: 3 });
    expect([...patches.subarray(0, 12)]).toEqual([0, 1, 2, 6, 7, 8, 24, 25, 26, 30, 31, 32]);
    expect([...patches.subarray(12, 18)]).toEqual([3, 4, 5, 9, 10, 11]);
    expect([...patches.subarray(24, 27)]).toEqual([12, 13, 14]);
  });

  test("ignores pixels that do not fill a patch, and rejects patches larger than the image", () => {
    const image = {
      channels: 1,
      height: 4,
      width: 6,
      values: Float32Array.from({ length: 24 }, (_, i) => i),
    };
    const patches = toPatches(image, { height: 3, width: 4 });
    expect([...patches]).toEqual([0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15]);
    expect(() => toPatches(image, { height: 5, width: 2 })).toThrow(withCode("SHAPE_MISMATCH"));
  });
});

describe(toPixelPatches, () => {
  test("lays samples out as toPatches does planes, whatever the channels", () => {
    for (const channels of [1, 3] as const) {
      const [height, width] = [5, 7];
      const data = Uint8Array.from({ length: height * width * channels }, (_, i) => (i * 31) % 251);
      const plane = height * width;
      const values = Float32Array.from(
        { length: data.length },
        (_, i) => data[(i % plane) * channels + Math.floor(i / plane)]!,
      );
      const patch = { height: 2, width: 3 };
      expect([...toPixelPatches({ channels, height, width, data }, patch)]).toEqual([
        ...toPatches({ channels, height, width, values }, patch),
      ]);
    }
  });
});
