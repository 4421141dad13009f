/** Sheets of pictures with captions, for the docs. */
import sharp from "sharp";
import { importTask } from "./import-task.mjs";

const { filled, paint } = await importTask("shared/bitmap.ts");
const { coverageOf } = await importTask("shared/coverage.ts");
const { openTypeface } = await importTask("shared/fonts.ts");
const { transformed, UNCHANGED } = await importTask("shared/outline.ts");
const { outlinesOf } = await importTask("shared/text.ts");

const CAPTION = { size: 11, height: 15, left: 2 };
const INK = [40, 40, 40];

/**
 * PNG bytes of pictures on a sheet with their captions below, `columns` side by side.
 *
 * A cell is `{bitmap: {data, width, height, channels}, captions}`, its samples 0 to 255; a caption is a text or `{text, colour}`.
 */
export async function contactSheet(cells, { columns, width, height }) {
  const typeface = await openTypeface("lato-400-normal");
  const gap = 6;
  const lines = Math.max(...cells.map(({ captions }) => captions.length));
  const cellHeight = height + lines * CAPTION.height + gap;
  const page = filled(
    columns * (width + gap) + gap,
    Math.ceil(cells.length / columns) * cellHeight + gap,
    [255, 255, 255],
  );
  for (const [index, { bitmap, captions }] of cells.entries()) {
    const left = gap + (index % columns) * (width + gap);
    const top = gap + Math.floor(index / columns) * cellHeight;
    copy(bitmap, page, left, top);
    for (const [line, caption] of captions.entries()) {
      const { text, colour } = typeof caption === "string" ? { text: caption, colour: INK } : caption;
      const place = { ...UNCHANGED, e: left + CAPTION.left, f: top + height + (line + 0.8) * CAPTION.height };
      const outlines = outlinesOf(typeface, text, { size: CAPTION.size }).map((one) =>
        transformed(one, place),
      );
      paint(page, coverageOf(outlines, page.width, page.height), colour);
    }
  }
  return sharp(page.data, { raw: { width: page.width, height: page.height, channels: 3 } })
    .png({ palette: true, colours: 128 })
    .toBuffer();
}

function copy({ data, width, height, channels }, page, left, top) {
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < 3; channel++)
        page.data[3 * ((top + y) * page.width + left + x) + channel] =
          data[channels * (y * width + x) + (channel % channels)];
}

/** A text in lines of at most 28 characters. */
export function wrapped(text) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last.length + word.length > 28) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}
