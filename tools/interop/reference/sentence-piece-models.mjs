/**
 * Compares the segmentation of models of SentencePiece with the library's own: pieces of 10,000 lines and the text of these pieces,
 * for models of nine settings and for every FILE (`*.model`, `*.spm`).
 *
 *   npm run build && node tools/interop/reference/sentence-piece-models.mjs DIRECTORY PYTHON [FILE ...]
 *
 * Prints one row per model; exit 3 if a line differs.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSentencePieceModel } from "../../../packages/tokenizer/dist/sentencepiece/model-proto.js";
import { createProcessor } from "../../../packages/tokenizer/dist/sentencepiece/processor.js";
import { trainingLines, unicodeLines } from "./unicode-lines.mjs";

const LINES = 10_000;
/** Differences that are printed per model. */
const SHOWN = 3;

const [directory, python, ...files] = process.argv.slice(2);
if (directory === undefined || python === undefined) {
  console.error("usage: node tools/interop/reference/sentence-piece-models.mjs DIRECTORY PYTHON [FILE ...]");
  process.exit(2);
}
const lines = unicodeLines(LINES);
mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, "lines.json"), JSON.stringify({ training: trainingLines(), lines }));
const maker = fileURLToPath(new URL("sentence_piece_models.py", import.meta.url));
const { status } = spawnSync(python, [maker, directory, ...files], { stdio: "inherit" });
if (status !== 0) process.exit(1);

let failed = 0;
for (const file of readdirSync(directory).filter((name) => name.endsWith(".spm"))) {
  const name = file.slice(0, -".spm".length);
  const started = performance.now();
  const model = readSentencePieceModel(readFileSync(join(directory, file)), file);
  const processor = createProcessor(model, file);
  const opened = performance.now();
  const expected = JSON.parse(readFileSync(join(directory, `${name}.rows.json`), "utf8"));
  const differences = [];
  for (const [index, line] of lines.entries()) {
    const [pieces, text] = expected[index];
    const result = [processor.encode(line), processor.decode(pieces)];
    if (JSON.stringify(result) !== JSON.stringify([pieces, text]))
      differences.push({ line, result, pieces, text });
  }
  failed += differences.length;
  const rate = Math.round((1000 * lines.length) / (performance.now() - opened));
  console.log(
    `${name}: ${model.type}, ${model.pieces.length} pieces, opened in ${Math.round(opened - started)} ms; ` +
      `${lines.length} lines, ${rate}/s, ${differences.length} differ`,
  );
  for (const difference of differences.slice(0, SHOWN))
    console.log(`  ${JSON.stringify(difference).slice(0, 500)}`);
}
process.exitCode = failed === 0 ? 0 : 3;
