import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { coverageOf } from "./coverage.js";
import { FACES, openTypeface } from "./fonts.js";
import { circle, compose, rectangle, transformed, UNCHANGED } from "./outline.js";
import { encodePng } from "./png.js";

const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);

/** Signed area of a polygon. Source: the shoelace formula. */
function areaOf(points: Float64Array): number {
  let twice = 0;
  for (let index = 0; index < points.length; index += 2) {
    const next = (index + 2) % points.length;
    twice += points[index]! * points[next + 1]! - points[next]! * points[index + 1]!;
  }
  return Math.abs(twice) / 2;
}

describe(coverageOf, () => {
  test("the sum is the area of any triangle inside, and each pixel is between 0 and 1", () => {
    const at = fc.double({ min: 0, max: 16, noNaN: true });
    fc.assert(
      fc.property(fc.array(at, { minLength: 6, maxLength: 6 }), (points) => {
        const triangle = Float64Array.from(points);
        const coverage = coverageOf([triangle], 16, 16);
        // Single precision, and pixels below a ten-thousandth are skipped.
        expect(sum(coverage)).toBeCloseTo(areaOf(triangle), 1);
        for (const value of coverage) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  test("covers a rectangle, with partial coverage at the border", () => {
    const coverage = coverageOf([rectangle({ left: 1.25, top: 1, right: 3.5, bottom: 2.5 })], 5, 4);
    expect([...coverage]).toEqual([0, 0, 0, 0, 0, 0, 0.75, 1, 0.5, 0, 0, 0.375, 0.5, 0.25, 0, 0, 0, 0, 0, 0]);
  });

  test("clips at the borders, and an inner outline in the opposite direction is a hole", () => {
    expect(sum(coverageOf([rectangle({ left: -9, top: -9, right: 99, bottom: 99 })], 4, 3))).toBeCloseTo(12);
    const middle = { ...UNCHANGED, e: 8, f: 8 };
    const hole = transformed(circle(3), compose({ ...UNCHANGED, a: -1 }, middle));
    const ring = coverageOf([transformed(circle(6), middle), hole], 16, 16);
    expect(ring[8 * 16 + 8]).toBe(0);
    expect(sum(ring)).toBeCloseTo(areaOf(circle(6)) - areaOf(circle(3)), 1);
  });
});

describe(encodePng, () => {
  test.each([1, 3] as const)("can be read by another decoder, %d channels", async (channels) => {
    const data = Uint8Array.from({ length: 7 * 5 * channels }, (_, index) => (index * 37) % 256);
    const file = encodePng({ width: 7, height: 5, channels, data });
    const { data: pixels, info } = await sharp(file)
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 7, height: 5, channels });
    expect([...pixels]).toEqual([...data]);
  });
});

describe("faces", () => {
  const CHARACTERS = [...Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)), "€", "£"];

  test.each(FACES)(
    "%s has every character that texts are made of, and letters are not empty",
    async (face) => {
      const typeface = await openTypeface(face);
      for (const character of CHARACTERS) {
        const { contours, advance } = typeface.letter(character);
        expect(advance).toBeGreaterThan(0);
        expect(contours.length > 0, character).toBe(character !== " ");
      }
      expect(() => typeface.letter("\u4e00")).toThrow("no character");
    },
  );
});
