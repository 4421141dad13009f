import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { parseImageProcessing } from "../processing/image-processing.js";
import { checkPatchReading, patchRows, patchRowsShape } from "./patch-rows.js";
import { toPatches } from "./patches.js";
import { patternImage } from "../pixels.test-support.js";
import { processImage } from "../processing/process-image.js";

const image = parseImageProcessing({ resize: { kind: "stretch", height: 16, width: 28 } }, "test");
const patch = { height: 8, width: 8 };

describe(patchRows, () => {
  test("returns the patches of the processed image, after zeros if there is a class token", () => {
    const picture = patternImage(40, 30, 3);
    const patches = toPatches(processImage(picture, image), patch);
    expect(patchRows({ image, patch, classToken: false }, picture)).toEqual(patches);
    const rows = patchRows({ image, patch, classToken: true }, picture);
    const [count, values] = patchRowsShape({ image, patch, classToken: true });
    expect([count, values]).toEqual([2 * 3 + 1, 3 * 64]);
    expect(rows.subarray(0, values)).toEqual(new Float32Array(values));
    expect(rows.subarray(values)).toEqual(patches);
  });
});

describe(checkPatchReading, () => {
  test("rejects patches that are larger than images, and images of different sizes", () => {
    const check = (reading: Parameters<typeof checkPatchReading>[0]) => () => {
      checkPatchReading(reading, "file");
    };
    expect(check({ image, patch })).not.toThrow();
    expect(check({ image, patch: { height: 17, width: 1 } })).toThrow(withCode("CONFIG_INVALID"));
    expect(check({ image: { ...image, resize: { kind: "shortestEdge", pixels: 8 } }, patch })).toThrow(
      withCode("CONFIG_INVALID"),
    );
  });
});
