/** The random look of a line: everything except its words. */
import type { Draw } from "../shared/draw.js";
import { brightness, type Colour } from "../shared/bitmap.js";
import { FACES, type Face } from "../shared/fonts.js";

export const BACKGROUNDS = ["plain", "slope", "blots", "ruled", "grain"] as const;

export interface LineLook {
  readonly face: Face;
  /** Font size relative to the image's height; reduced if the line would not fit. */
  readonly size: number;
  /** Horizontal scale of the letters. */
  readonly stretch: number;
  /** Letter spacing relative to the font size. */
  readonly spacing: number;
  /** Slant to the right, relative to height. */
  readonly slant: number;
  /** Rotation of the line, clockwise [radians]. */
  readonly turn: number;
  /** Position of the line in the free space, 0 to 1. */
  readonly across: number;
  readonly down: number;
  readonly ink: Colour;
  readonly paper: Colour;
  readonly background: (typeof BACKGROUNDS)[number];
  /** Second colour of the background, and its opacity, 0 to 1. */
  readonly second: Colour;
  readonly strength: number;
  /** Number of passes of a blur over three pixels. */
  readonly blur: number;
  /** Standard deviation of the noise per pixel, on the scale to 255. */
  readonly noise: number;
}

/** Minimum difference of brightness between ink and background. */
export const MIN_CONTRAST = 60;

/** A random number from `low` to `high` in a hundred steps. */
const from = (draw: Draw, low: number, high: number): number => low + ((high - low) * draw.below(101)) / 100;

export function drawLook(draw: Draw, isGrey: boolean): LineLook {
  const face = draw.pick(FACES);
  const size = from(draw, 0.45, 0.72);
  const stretch = draw.chance(40) ? from(draw, 0.88, 1.12) : 1;
  const spacing = draw.chance(30) ? from(draw, -0.02, 0.08) : 0;
  const slant = draw.chance(25) ? from(draw, -0.12, 0.28) : 0;
  const turn = draw.chance(40) ? (from(draw, -1.6, 1.6) * Math.PI) / 180 : 0;
  const { ink, paper, second } = drawColours(draw, isGrey);
  return {
    face,
    size,
    stretch,
    spacing,
    slant,
    turn,
    across: draw.chance(60) ? from(draw, 0, 0.06) : from(draw, 0, 1),
    down: from(draw, 0, 1),
    ink,
    paper,
    background: draw.chance(45) ? "plain" : draw.pick(BACKGROUNDS),
    second,
    strength: from(draw, 0.2, 0.9),
    blur: draw.chance(30) ? 1 + draw.below(2) : 0,
    noise: draw.chance(45) ? from(draw, 2, 16) : 0,
  };
}

/** Ink and paper with enough contrast, dark on light in three of four cases. The second colour is close to the paper. */
function drawColours(draw: Draw, isGrey: boolean): Pick<LineLook, "ink" | "paper" | "second"> {
  const isDarkOnLight = draw.chance(75);
  const isCrisp = draw.chance(40);
  for (;;) {
    const [dark, light] = [
      drawColour(draw, isGrey, isCrisp ? { lowest: 0, range: 40 } : { lowest: 0, range: 106 }),
      drawColour(draw, isGrey, isCrisp ? { lowest: 226, range: 30 } : { lowest: 150, range: 106 }),
    ];
    const [ink, paper] = isDarkOnLight ? [dark, light] : [light, dark];
    const second = drawColour(draw, isGrey, { lowest: isDarkOnLight ? 150 : 0, range: 106 });
    const contrasts = [paper, second].map((one) => Math.abs(brightness(one) - brightness(ink)));
    if (contrasts.every((contrast) => contrast >= MIN_CONTRAST)) return { ink, paper, second };
  }
}

/** Values of a channel. */
interface Range {
  readonly lowest: number;
  readonly range: number;
}

function drawColour(draw: Draw, isGrey: boolean, { lowest, range }: Range): Colour {
  const channel = (): number => lowest + draw.below(range);
  if (!isGrey) return [channel(), channel(), channel()];
  const value = channel();
  return [value, value, value];
}
