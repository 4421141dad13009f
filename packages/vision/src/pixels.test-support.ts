/** Images with the formula of `packages/vision/fixtures/images.py`, and the outputs of Hugging Face's image processors for them. */
import { readFileSync } from "node:fs";
import type { PixelImage } from "./image/pixel-image.js";

const FIXTURES = new URL("../fixtures/", import.meta.url);

export const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, FIXTURES)));
const json = (name: string): unknown => JSON.parse(Buffer.from(fixture(name)).toString("utf8"));

/** (p·x² + q·y² + r·x·y + 85·c + seed) >> s, the lower 8 bits. */
export function patternImage(width: number, height: number, seed: number): PixelImage {
  const [p, q, r, s] = [1 + (seed % 5), 1 + (seed % 7), seed % 11, seed % 6];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) data[at++] = (p * x * x + q * y * y + r * x * y + 85 * c + seed) >> s;
  return { width, height, channels: 3, data };
}

export interface ReferenceCase {
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly config: Readonly<Record<string, unknown>>;
  /** `[3, height, width]`. */
  readonly shape: readonly number[];
  /** Normalized values by index. */
  readonly samples: readonly (readonly [number, number])[];
}

/** All cases with their pixels after resizing and cropping. */
export function referenceCases(): (ReferenceCase & { readonly pixels: Uint8Array })[] {
  const expected = fixture("expected.bin");
  let from = 0;
  return (json("cases.json") as ReferenceCase[]).map((entry) => {
    const count = entry.shape.reduce((product, size) => product * size, 1);
    from += count;
    return { ...entry, pixels: expected.subarray(from - count, from) };
  });
}

/** Files of every format, with the pixels that Pillow reads. */
export const referenceFiles = (): { file: string; width: number; height: number; rgb: Uint8Array }[] =>
  (json("files.json") as { file: string; width: number; height: number; rgb: string }[]).map((entry) => ({
    ...entry,
    rgb: new Uint8Array(Buffer.from(entry.rgb, "base64")),
  }));

/** Largest difference of two lists of samples. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}
