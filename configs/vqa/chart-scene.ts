/** Generates and draws bar charts. */
import type { Draw } from "../shared/draw.js";
import { filled, paint, type Bitmap, type Colour } from "../shared/bitmap.js";
import { coverageOf, type Contour } from "../shared/coverage.js";
import { openTypeface, type Typeface } from "../shared/fonts.js";
import { boxOf, rectangle, transformed, UNCHANGED, type Box } from "../shared/outline.js";
import { outlinesOf } from "../shared/text.js";
import { COLOUR_NAMES, COLOURS, near, shuffled } from "./shapes-scene.js";

/** Letters that are easy to distinguish in a few pixels. */
export const LABELS = ["A", "E", "H", "K", "M", "R", "T", "X"] as const;
export type Label = (typeof LABELS)[number];

export interface Bar {
  readonly label: Label;
  readonly value: number;
}

export interface ChartScene {
  readonly topic: "charts";
  /** From left to right; the values are distinct. */
  readonly bars: readonly Bar[];
  /** Two labels with one of the given differences of values, all equally likely. */
  readonly compared: readonly [Label, Label];
}

const LARGEST_VALUE = 10;
const LARGEST_DIFFERENCE = 6;
const BARS = { least: 3, most: 5 } as const;

export function drawChartScene(draw: Draw): ChartScene {
  const count = BARS.least + draw.below(BARS.most - BARS.least + 1);
  const difference = 1 + draw.below(LARGEST_DIFFERENCE);
  const low = 1 + draw.below(LARGEST_VALUE - difference);
  const others = Array.from({ length: LARGEST_VALUE }, (_, index) => index + 1).filter(
    (value) => value !== low && value !== low + difference,
  );
  const values = [low, low + difference, ...shuffled(draw, others).slice(0, count - 2)];
  const labels = shuffled(draw, LABELS);
  const bars = values.map((value, index) => ({ label: labels[index]!, value }));
  return { topic: "charts", bars: shuffled(draw, bars), compared: [labels[0]!, labels[1]!] };
}

/** The layout: area of the bars, and size of the letters. */
const AREA = { left: 0.15, top: 0.06, right: 0.98, bottom: 0.86 } as const;
const LETTERS = 0.13;
const BAR_WIDTH = 0.62;
const TICKS = [0, 5, 10];

/** @param draw chooses colours, which are independent of the values */
export async function paintChart({ bars }: ChartScene, pixels: number, draw: Draw): Promise<Bitmap> {
  const typeface = await openTypeface("lato-700-normal");
  const isLight = draw.chance(70);
  const paper = near(draw, isLight ? [244, 244, 244] : [28, 28, 28], 8);
  const ink: Colour = isLight ? [30, 30, 30] : [235, 235, 235];
  const grid: Colour = isLight ? [205, 205, 205] : [80, 80, 80];
  const bitmap = filled(pixels, pixels, paper);
  const add = (contours: readonly Contour[], colour: Colour): void => {
    paint(bitmap, coverageOf(contours, pixels, pixels), colour);
  };
  const lines = Array.from({ length: LARGEST_VALUE + 1 }, (_, value) => lineAt(value, pixels));
  add(lines.map(rectangle), grid);
  add(
    TICKS.map((value) => rectangle(lineAt(value, pixels))),
    ink,
  );
  for (const value of TICKS) {
    const { top, bottom } = lineAt(value, pixels);
    add(
      centred(typeface, String(value), { x: (AREA.left / 2) * pixels, y: (top + bottom) / 2, pixels }),
      ink,
    );
  }
  const one = near(draw, COLOURS[draw.pick(COLOUR_NAMES)]);
  const isOneColour = draw.chance(50);
  for (const [index, bar] of bars.entries()) {
    const box = barBox(bar.value, index, bars.length, pixels);
    add([rectangle(box)], isOneColour ? one : near(draw, COLOURS[draw.pick(COLOUR_NAMES)]));
    add(
      centred(typeface, bar.label, {
        x: (box.left + box.right) / 2,
        y: ((AREA.bottom + 1) / 2) * pixels,
        pixels,
      }),
      ink,
    );
  }
  return bitmap;
}

/** The rectangle of a bar [pixels]. */
export function barBox(value: number, index: number, count: number, pixels: number): Box {
  const slot = ((AREA.right - AREA.left) * pixels) / count;
  const left = AREA.left * pixels + slot * (index + (1 - BAR_WIDTH) / 2);
  const bottom = AREA.bottom * pixels;
  return { left, right: left + slot * BAR_WIDTH, top: heightOf(value, pixels), bottom };
}

function heightOf(value: number, pixels: number): number {
  return (AREA.bottom - ((AREA.bottom - AREA.top) * value) / LARGEST_VALUE) * pixels;
}

function lineAt(value: number, pixels: number): Box {
  const middle = heightOf(value, pixels);
  return { left: AREA.left * pixels, right: AREA.right * pixels, top: middle - 0.5, bottom: middle + 0.5 };
}

/** A text centred at a point. */
function centred(
  typeface: Typeface,
  text: string,
  { x, y, pixels }: { readonly x: number; readonly y: number; readonly pixels: number },
): readonly Contour[] {
  const outlines = outlinesOf(typeface, text, { size: LETTERS * pixels });
  const box = boxOf(outlines);
  if (box === undefined) return [];
  const place = { ...UNCHANGED, e: x - (box.left + box.right) / 2, f: y - (box.top + box.bottom) / 2 };
  return outlines.map((contour) => transformed(contour, place));
}

/** The scene in words. */
export function describeChart({ bars }: ChartScene): string {
  return `bars ${bars.map(({ label, value }) => `${label} ${value}`).join("; ")}`;
}
