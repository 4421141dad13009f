/**
 * Generates and draws images of lines of text. The rows depend only on the seed.
 *
 *   {"source": "read the line", "target": "Total: €12.40", "image": "images/train/3f/3f….png"}
 */
import { defineDataset, sourceKey, type Example } from "@slm/data";
import { z } from "zod";
import { Draw } from "../shared/draw.js";
import { encodePng } from "../shared/png.js";
import { drawLine, type LinePicture } from "./draw-line.js";
import { drawLook } from "./line-look.js";
import { drawText } from "./line-text.js";

/** Minimum width of a character, relative to the image's height. */
const MIN_CHARACTER_WIDTH = 0.25;

export const settings = z
  .strictObject({
    rows: z.int().positive().max(50_000_000).default(20_000).describe("Number of synthetic lines [rows]."),
    seed: z
      .int()
      .nonnegative()
      .default(1)
      .describe("Seed of the lines; more rows do not change the first ones."),
    width: z.int().min(32).max(2048).default(320).describe("Width of the images [pixels]."),
    height: z.int().min(16).max(256).default(32).describe("Height of the images [pixels]."),
    colour: z.enum(["grey", "rgb"]).default("grey").describe("Draw grey or colour images."),
    maxCharacters: z.int().min(4).max(256).default(32).describe("Longest line [characters]."),
    prompt: z.string().min(1).max(1000).default("read the line").describe("Source of every row."),
  })
  .refine(({ width, height, maxCharacters }) => width >= MIN_CHARACTER_WIDTH * height * maxCharacters, {
    message: `a line of maxCharacters would be too small to read: width should be at least ${MIN_CHARACTER_WIDTH} · height · maxCharacters`,
    path: ["maxCharacters"],
  });
export type OcrSettings = z.infer<typeof settings>;

/** Streams of random numbers of one row: its words, its look, its pixels. The streams' offset exceeds the number of rows by far. */
const STREAMS = { text: 0, look: 2 ** 32, pixels: 2 ** 33 } as const;

/** Parameters of an image: the seed, the index of the line, and all settings that affect its pixels. */
type LineImage = readonly ["ocr-lines", number, number, number, number, OcrSettings["colour"], string];

/** All examples in order. A text is in one split only, regardless of its look. */
export function* examples(given: OcrSettings): Generator<Example<LineImage>> {
  const { rows, seed, prompt, width, height, colour } = given;
  for (let place = 1; place <= rows; place++) {
    const text = textOf(given, place);
    const drawnFrom: LineImage = ["ocr-lines", seed, place, width, height, colour, text];
    const image = { drawnFrom, shows: sourceKey(text), width, height };
    yield { source: prompt, target: text, teacherSource: text, image };
  }
}

/** Everything that determines the image of a row. */
export function linePicture(given: OcrSettings, place: number): LinePicture {
  const { seed, width, height, colour } = given;
  return {
    text: textOf(given, place),
    look: drawLook(new Draw(seed, STREAMS.look + place), colour === "grey"),
    width,
    height,
    channels: colour === "grey" ? 1 : 3,
    seed,
    stream: STREAMS.pixels + place,
  };
}

function textOf({ seed, maxCharacters }: OcrSettings, place: number): string {
  return drawText(new Draw(seed, STREAMS.text + place), maxCharacters);
}

export default defineDataset({
  settings,
  examples,
  draw: async ([, , place], given) => encodePng(await drawLine(linePicture(given, place))),
});
