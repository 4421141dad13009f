/**
 * Draws the contact sheets of the docs (docs/ocr-lines.png, docs/scenes.png) and prints how far a question alone gives away its
 * answer, kind by kind. --check draws nothing and ends with 1 if a sheet is not what it would draw.
 *
 *   npm run build && node tools/vision-data.mjs [--check]
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { linePicture, ocrLineDrawer, ocrLinesSource } from "../packages/learn/data/dist/ocr/ocr-lines.js";
import { filled, paint } from "../packages/learn/data/dist/render/bitmap.js";
import { coverageOf } from "../packages/learn/data/dist/render/coverage.js";
import { openTypeface } from "../packages/learn/data/dist/render/fonts.js";
import { transformed, UNCHANGED } from "../packages/learn/data/dist/render/outline.js";
import { outlinesOf } from "../packages/learn/data/dist/render/text.js";
import { guessWithoutPicture } from "../packages/learn/data/dist/scenes/guess.js";
import { sceneDrawer, sceneRow, scenesSource } from "../packages/learn/data/dist/scenes/scenes-source.js";

const docs = join(import.meta.dirname, "../docs");
const isCheck = process.argv.includes("--check");
const CAPTION = { size: 11, height: 15, left: 2 };

/** Rows whose pictures stand on a sheet with their captions below, `columns` side by side. */
async function sheet(cells, { columns, width, height }) {
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
    for (const [line, text] of captions.entries()) {
      const place = { ...UNCHANGED, e: left + CAPTION.left, f: top + height + (line + 0.8) * CAPTION.height };
      const outlines = outlinesOf(typeface, text, { size: CAPTION.size }).map((one) =>
        transformed(one, place),
      );
      paint(page, coverageOf(outlines, page.width, page.height), [40, 40, 40]);
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

async function ocrSheet() {
  const settings = ocrLinesSource.parse({ kind: "ocr-lines", colour: "rgb" });
  const draw = ocrLineDrawer(settings);
  const cells = [];
  for (let line = 1; line <= 24; line++)
    cells.push({ bitmap: await draw(line), captions: [linePicture(settings, line).text] });
  return sheet(cells, { columns: 3, width: settings.width, height: settings.height });
}

async function scenesSheet() {
  const settings = scenesSource.parse({ kind: "scenes", pixels: 144, questions: 3 });
  const draw = sceneDrawer(settings);
  const cells = [];
  for (let scene = 0; scene < 10; scene++) {
    const lines = [1, 2, 3].map((place) => 3 * scene + place);
    const captions = lines.flatMap((line) => {
      const { source, target } = sceneRow(settings, line).question;
      return [...wrapped(source), `   ${target}`];
    });
    cells.push({ bitmap: await draw(lines[0]), captions });
  }
  return sheet(cells, { columns: 5, width: settings.pixels, height: settings.pixels });
}

/** A text in lines of at most 28 characters. */
function wrapped(text) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last.length + word.length > 28) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}

function printGuesses() {
  const settings = scenesSource.parse({ kind: "scenes" });
  const asked = Array.from({ length: 80_000 }, (_, index) => sceneRow(settings, index + 1).question);
  const kindAnswers = (kind) =>
    new Set(asked.filter((one) => one.kind === kind).map(({ target }) => target)).size;
  console.log("best guess without the picture, learnt from 60000 questions, measured on 20000");
  for (const { kind, rows, right } of guessWithoutPicture(asked.slice(0, 60_000), asked.slice(60_000)))
    console.log(
      `${kind.padEnd(12)}${String(rows).padStart(6)} rows  ${(100 * right).toFixed(1).padStart(5)} %  ${kindAnswers(kind)} answers`,
    );
}

let isStale = false;
for (const [name, make] of [
  ["ocr-lines.png", ocrSheet],
  ["scenes.png", scenesSheet],
]) {
  const bytes = await make();
  const path = join(docs, name);
  if (!isCheck) await writeFile(path, bytes);
  else if (!bytes.equals(await readFile(path).catch(() => Buffer.alloc(0)))) {
    console.error(`${path} is not what tools/vision-data.mjs draws`);
    isStale = true;
  }
  console.log(`${name} ${bytes.length} bytes`);
}
printGuesses();
process.exitCode = isStale ? 1 : 0;
