/** A dataset module for tests: squares of one colour, with the colour's name as target. */
import sharp from "sharp";
import { defineDataset, type Example } from "../dataset/dataset.js";

const COLOURS = ["red", "green", "blue", "white", "black", "yellow", "cyan", "magenta"] as const;
const PIXELS = 12;

type Square = readonly ["square", number, string];

/** Two examples per colour with the same image, which must be in one split. */
function* examples(): Generator<Example<Square>> {
  for (const [place, colour] of COLOURS.entries()) {
    const image = {
      drawnFrom: ["square", place, colour] as const,
      shows: colour,
      width: PIXELS,
      height: PIXELS,
    };
    yield { source: "which colour?", target: colour, teacherSource: colour, image };
    yield { source: "what is it?", target: `a ${colour} square`, teacherSource: colour, image };
  }
}

export default defineDataset({
  examples,
  draw: ([, , background]: Square) =>
    sharp({ create: { width: PIXELS, height: PIXELS, channels: 3, background } })
      .png()
      .toBuffer(),
});
