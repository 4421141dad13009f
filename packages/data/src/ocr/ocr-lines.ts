/**
 * Pictures of lines of text, and what they say: made up and drawn, the same for the same seed.
 *
 *   {"source": "read the line", "target": "Total: €12.40", "image": "images/train/3f/3f….png"}
 */
import { z } from "zod";
import { Draw } from "../draw.js";
import { drawnPicture, type DrawPictures } from "../images/drawn-pictures.js";
import type { ScannedLine } from "../read-rows.js";
import { sourceKey } from "../split.js";
import { drawLine, type LinePicture } from "./draw-line.js";
import { drawLook } from "./line-look.js";
import { drawText } from "./line-text.js";

/** Pixels of width that a character gets at least, per pixel of height. */
const MIN_CHARACTER_WIDTH = 0.25;

export const ocrLinesSource = z
  .strictObject({
    kind: z.literal("ocr-lines"),
    rows: z.int().positive().max(50_000_000).default(20_000).describe("Lines made up [rows]."),
    seed: z
      .int()
      .nonnegative()
      .default(1)
      .describe("Seed of the lines; more rows do not change the first ones."),
    width: z.int().min(32).max(2048).default(320).describe("Width of the pictures [pixels]."),
    height: z.int().min(16).max(256).default(32).describe("Height of the pictures [pixels]."),
    colour: z.enum(["grey", "rgb"]).default("grey").describe("Whether pictures are grey or in colour."),
    maxCharacters: z.int().min(4).max(256).default(32).describe("Longest line [characters]."),
    prompt: z.string().min(1).max(1000).default("read the line").describe("Source of every row."),
  })
  .refine(({ width, height, maxCharacters }) => width >= MIN_CHARACTER_WIDTH * height * maxCharacters, {
    message: `a line of maxCharacters would be too small to read: width must be at least ${MIN_CHARACTER_WIDTH} · height · maxCharacters`,
    path: ["maxCharacters"],
  });
export type OcrLinesSettings = z.infer<typeof ocrLinesSource>;

/** Streams of random numbers of one row: its words, its look, its pixels. Rows are far fewer than a stream's share. */
const STREAMS = { text: 0, look: 2 ** 32, pixels: 2 ** 33 } as const;

/** Every row in order; `line` is its place. A text is in one split only, however it looks. */
export async function* scanOcrLines(settings: OcrLinesSettings): AsyncGenerator<ScannedLine> {
  const { rows, seed, prompt, width, height, colour } = settings;
  for (let line = 1; line <= rows; line++) {
    const text = textOf(settings, line);
    const row = { source: prompt, target: text, teacherSource: text };
    const drawnFrom = ["ocr-lines", seed, line, width, height, colour, text];
    yield await Promise.resolve({
      line,
      row,
      picture: drawnPicture(drawnFrom, sourceKey(text), { width, height }),
    });
  }
}

export function ocrLineDrawer(settings: OcrLinesSettings): DrawPictures {
  return (line) => drawLine(linePicture(settings, line));
}

/** All that decides the picture of a row. */
export function linePicture(settings: OcrLinesSettings, line: number): LinePicture {
  const { seed, width, height, colour } = settings;
  return {
    text: textOf(settings, line),
    look: drawLook(new Draw(seed, STREAMS.look + line), colour === "grey"),
    width,
    height,
    channels: colour === "grey" ? 1 : 3,
    seed,
    stream: STREAMS.pixels + line,
  };
}

function textOf({ seed, maxCharacters }: OcrLinesSettings, line: number): string {
  return drawText(new Draw(seed, STREAMS.text + line), maxCharacters);
}
