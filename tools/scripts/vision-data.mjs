/**
 * Draws the contact sheets of the docs (docs/ocr-lines.png, docs/scenes.png) and prints how far a question alone gives away its
 * answer, kind by kind. --check draws nothing and ends with 1 if a sheet is not what it would draw.
 *
 *   npm run build && node tools/scripts/vision-data.mjs [--check]
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { contactSheet, wrapped } from "./lib/contact-sheet.mjs";
import { importTask } from "./lib/import-task.mjs";

const ocr = await importTask("ocr/dataset.ts");
const { drawLine } = await importTask("ocr/draw-line.ts");
const vqa = await importTask("vqa/dataset.ts");
const { guessWithoutPicture } = await importTask("vqa/guess.ts");

const docs = join(import.meta.dirname, "../../docs");
const isCheck = process.argv.includes("--check");

async function ocrSheet() {
  const settings = ocr.settings.parse({ colour: "rgb" });
  const cells = [];
  for (let line = 1; line <= 24; line++) {
    const picture = ocr.linePicture(settings, line);
    cells.push({ bitmap: await drawLine(picture), captions: [picture.text] });
  }
  return contactSheet(cells, { columns: 3, width: settings.width, height: settings.height });
}

async function scenesSheet() {
  const settings = vqa.settings.parse({ pixels: 144, questions: 3 });
  const cells = [];
  for (let scene = 0; scene < 10; scene++) {
    const lines = [1, 2, 3].map((place) => 3 * scene + place);
    const captions = lines.flatMap((line) => {
      const { source, target } = vqa.sceneRow(settings, line).question;
      return [...wrapped(source), `   ${target}`];
    });
    cells.push({ bitmap: await vqa.drawScene(settings, scene), captions });
  }
  return contactSheet(cells, { columns: 5, width: settings.pixels, height: settings.pixels });
}

function printGuesses() {
  const settings = vqa.settings.parse({});
  const asked = Array.from({ length: 80_000 }, (_, index) => vqa.sceneRow(settings, index + 1).question);
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
    console.error(`${path} is not what tools/scripts/vision-data.mjs draws`);
    isStale = true;
  }
  console.log(`${name} ${bytes.length} bytes`);
}
printGuesses();
process.exitCode = isStale ? 1 : 0;
