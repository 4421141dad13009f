import { describe, expect, test } from "vitest";
import { withoutAlpha } from "./page-image.js";

describe(withoutAlpha, () => {
  test("keeps red, green and blue of every pixel in their order", () => {
    expect(withoutAlpha(Uint8ClampedArray.of(1, 2, 3, 255, 4, 5, 6, 0))).toEqual(
      Uint8Array.of(1, 2, 3, 4, 5, 6),
    );
  });
});
