/** Draws a line of text: background, ink, blur and noise. */
import { sfc32 } from "@slm/data";
import { filled, paint, type Bitmap } from "../shared/bitmap.js";
import { coverageOf, type Contour } from "../shared/coverage.js";
import { openTypeface, type Typeface } from "../shared/fonts.js";
import { boxOf, compose, transformed, UNCHANGED, type Transform } from "../shared/outline.js";
import { outlinesOf } from "../shared/text.js";
import { addBackground } from "./background.js";
import type { LineLook } from "./line-look.js";

export interface LinePicture {
  readonly text: string;
  readonly look: LineLook;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** Seeds of the effects per pixel. */
  readonly seed: number;
  readonly stream: number;
}

/** Margin around a line [pixels]. */
const MARGIN = 1;

/** Draws a line; a pure function of its input. */
export async function drawLine(picture: LinePicture): Promise<Bitmap> {
  const { look, width, height, channels, seed, stream } = picture;
  const random = sfc32(seed, stream);
  const contours = layOut(await openTypeface(look.face), picture);
  const bitmap = filled(width, height, look.paper);
  addBackground(bitmap, look, random);
  paint(bitmap, coverageOf(contours, width, height), look.ink);
  for (let pass = 0; pass < look.blur; pass++) blur(bitmap);
  if (look.noise > 0) addNoise(bitmap, look.noise, random);
  return channels === 3 ? bitmap : firstChannel(bitmap);
}

/** Places the outlines of a line in the image, in the look's size or as large as fits. */
export function layOut(
  typeface: Typeface,
  { text, look, width, height }: Pick<LinePicture, "text" | "look" | "width" | "height">,
): readonly Contour[] {
  const size = look.size * height;
  const set = outlinesOf(typeface, text, { size, spacing: look.spacing });
  // Slant, then rotation; y grows downwards.
  const [cos, sin] = [Math.cos(look.turn), Math.sin(look.turn)];
  const lean = { ...UNCHANGED, a: look.stretch, c: -look.slant };
  const turned = compose(lean, { a: cos, b: sin, c: -sin, d: cos, e: 0, f: 0 });
  const box = boxOf(set.map((contour) => transformed(contour, turned)));
  if (box === undefined) return [];
  const [room, headroom] = [width - 2 * MARGIN, height - 2 * MARGIN];
  const scale = Math.min(1, room / (box.right - box.left), headroom / (box.bottom - box.top));
  const place: Transform = {
    a: scale,
    b: 0,
    c: 0,
    d: scale,
    e: MARGIN - scale * box.left + look.across * (room - scale * (box.right - box.left)),
    f: MARGIN - scale * box.top + look.down * (headroom - scale * (box.bottom - box.top)),
  };
  const whole = compose(turned, place);
  return set.map((contour) => transformed(contour, whole));
}

/** One pass of the filter 1-2-1 along rows and columns. Border pixels are repeated. */
function blur({ data, width, height, channels }: Bitmap): void {
  filterLines(data, { lines: height, between: width * channels, length: width, step: channels, channels });
  filterLines(data, {
    lines: width,
    between: channels,
    length: height,
    step: width * channels,
    channels,
  });
}

interface Lines {
  readonly lines: number;
  /** Strides between lines, and between pixels in a line. */
  readonly between: number;
  readonly length: number;
  readonly step: number;
  readonly channels: number;
}

function filterLines(data: Uint8Array, { lines, between, length, step, channels }: Lines): void {
  for (let line = 0; line < lines; line++) {
    for (let channel = 0; channel < channels; channel++) {
      const start = line * between + channel;
      let before = data[start]!;
      for (let index = 0; index < length; index++) {
        const at = start + index * step;
        const value = data[at]!;
        const after = index + 1 < length ? data[at + step]! : value;
        data[at] = (before + 2 * value + after + 2) >> 2;
        before = value;
      }
    }
  }
}

/** Standard deviation of the sum of four uniform bytes. */
const FOUR_BYTES = 2 * Math.sqrt((256 ** 2 - 1) / 12);

/** Adds approximately normal noise, equal in all channels of a pixel: the sum of four uniform bytes. */
function addNoise({ data, channels }: Bitmap, deviation: number, random: () => number): void {
  const scale = deviation / FOUR_BYTES;
  for (let index = 0; index < data.length; index += channels) {
    const bits = random();
    const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24);
    const change = Math.round((sum - 510) * scale);
    for (let channel = 0; channel < channels; channel++) {
      const at = index + channel;
      data[at] = Math.min(255, Math.max(0, data[at]! + change));
    }
  }
}

/** Keeps one channel, because a grey look has equal channels. */
function firstChannel({ width, height, data }: Bitmap): Bitmap {
  return {
    width,
    height,
    channels: 1,
    data: Uint8Array.from({ length: width * height }, (_, pixel) => data[3 * pixel]!),
  };
}
