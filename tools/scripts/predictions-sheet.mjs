/**
 * A sheet of ten pictures with what a model answered: wrong answers first, half of the sheet at most, spread over all rows.
 *
 *   npm run build
 *   npm run slm -- eval MODEL --data rows.jsonl --metrics answerMatch -o predictions.jsonl
 *   node tools/scripts/predictions-sheet.mjs rows.jsonl predictions.jsonl sheet.png
 *
 * A wrong answer stands in red above the right one. Of answers with a rationale only the answer is shown.
 */
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { answerOf } from "@slm/metrics";
import sharp from "sharp";
import { contactSheet, wrapped } from "./lib/contact-sheet.mjs";

const PICTURES = 10;
const RED = [190, 20, 20];
/** Pictures this wide stand two side by side, narrower ones five; pictures narrower than half of it are shown twice as large. */
const WIDE = 200;

const [rowsFile, predictionsFile, out] = process.argv.slice(2);
if (out === undefined) throw new Error("usage: predictions-sheet.mjs ROWS.jsonl PREDICTIONS.jsonl OUT.png");

const predictions = (await readFile(predictionsFile, "utf8"))
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line));

/** `count` of the rows, equally far apart. */
const spread = (rows, count) =>
  Array.from({ length: Math.min(count, rows.length) }, (_, index) => {
    const share = index / Math.min(count, rows.length);
    return rows[Math.floor(share * rows.length)];
  });

const wrong = spread(
  predictions.filter(({ correct }) => !correct),
  PICTURES / 2,
);
const right = spread(
  predictions.filter(({ correct }) => correct),
  PICTURES - wrong.length,
);

const shown = (text) => answerOf(text) ?? text;

const cells = [];
for (const { source, image, prediction, references, correct } of [...wrong, ...right]) {
  const file = join(dirname(rowsFile), image);
  const { width } = await sharp(file).metadata();
  const { data, info } = await sharp(file)
    .resize(width < WIDE / 2 ? { width: 2 * width, kernel: "nearest" } : {})
    .raw()
    .toBuffer({ resolveWithObject: true });
  const isWide = info.width > WIDE;
  const lines = (text) => (isWide ? [text] : wrapped(text));
  const captions = [
    ...(isWide ? [] : lines(source)),
    ...lines(shown(prediction)).map((text) => (correct ? text : { text, colour: RED })),
    ...(correct ? [] : lines(shown(references[0]))),
  ];
  cells.push({ bitmap: { data, ...info }, captions });
}
const { width, height } = cells[0].bitmap;
await writeFile(out, await contactSheet(cells, { columns: width > WIDE ? 2 : 5, width, height }));
console.log(`${wrong.length} wrong and ${right.length} right of ${predictions.length} in ${out}`);
