/** Backgrounds of a line, in addition to the paper's colour. */
import type { Bitmap } from "../shared/bitmap.js";
import type { BACKGROUNDS, LineLook } from "./line-look.js";

/** Opacity of the second colour at a pixel, 0 to 1. */
type Pattern = (x: number, y: number) => number;

interface Area {
  readonly width: number;
  readonly height: number;
  /** A number from 0 to below 1. */
  readonly chance: () => number;
}

/** The patterns; TypeScript rejects a missing one. */
const PATTERNS: { readonly [Name in (typeof BACKGROUNDS)[number]]: (area: Area) => Pattern | undefined } = {
  plain: () => undefined,
  slope: ({ width, height, chance }) => {
    const [across, down] = [chance() - 0.5, chance() - 0.5];
    return (x, y) => 0.5 + across * (x / width - 0.5) * 2 + down * (y / height - 0.5) * 2;
  },
  blots: ({ width, height, chance }) => {
    const blots = Array.from({ length: 3 }, () => ({
      x: chance() * width,
      y: chance() * height,
      radius: (0.5 + chance()) * height,
    }));
    return (x, y) =>
      blots.reduce((most, blot) => {
        const [dx, dy] = [(x - blot.x) / (2 * blot.radius), (y - blot.y) / blot.radius];
        return Math.max(most, 1 - dx * dx - dy * dy);
      }, 0);
  },
  ruled: ({ height, chance }) => {
    const distance = 4 + Math.floor(chance() * height);
    const isUpright = chance() < 0.4;
    return (x, y) => ((isUpright ? x : y) % distance === distance - 1 ? 1 : 0);
  },
  grain: ({ chance }) => {
    const length = 2 + Math.floor(chance() * 5);
    let left = 0;
    let value = 0;
    return () => {
      if (left === 0) {
        left = length;
        value = chance();
      }
      left--;
      return value;
    };
  },
};

/** Draws the look's pattern over a bitmap of three channels. */
export function addBackground(
  { data, width, height }: Bitmap,
  { background, second, strength }: LineLook,
  random: () => number,
): void {
  const pattern = PATTERNS[background]({ width, height, chance: () => random() / 2 ** 32 });
  if (pattern === undefined) return;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const share = strength * Math.min(1, Math.max(0, pattern(x, y)));
      const at = 3 * (y * width + x);
      for (let channel = 0; channel < 3; channel++) {
        const value = data[at + channel]!;
        data[at + channel] = Math.round(value + (second[channel]! - value) * share);
      }
    }
  }
}
