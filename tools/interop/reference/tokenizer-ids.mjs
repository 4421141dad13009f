/**
 * Trains a byte-level BPE tokenizer on a JSONL file of rows and writes it with random texts and their ids, for
 * tools/interop/reference/tokenizer_ids.py to compare with the native `tokenizers` library.
 *
 *   npm run build && node tools/interop/reference/tokenizer-ids.mjs ROWS.jsonl DIRECTORY [vocabularySize] [joined|apart] [texts]
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { createTokenizer, trainBpeTokenizer, writeTokenizer } from "@slm/tokenizer";

const [rowsFile, directory, size = "2048", spaces = "joined", count = "3000"] = process.argv.slice(2);
if (rowsFile === undefined || directory === undefined) {
  console.error(
    "usage: node tools/interop/reference/tokenizer-ids.mjs ROWS.jsonl DIRECTORY [vocabularySize] [joined|apart] [texts]",
  );
  process.exit(2);
}

const rows = (await readFile(rowsFile, "utf8"))
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => JSON.parse(line));
const settings = { vocabularySize: Number(size), minCount: 2, spaces, sourceLowercase: false };
const files = await trainBpeTokenizer(rows, settings);
const tokenizer = createTokenizer(files);

// Characters that newer versions of Unicode than the native library's assigned would be cut differently.
const known = /^\P{Unassigned}*$/u;
const random = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 12 }),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }),
      fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 12 }),
      fc.constantFrom(
        " ",
        "   ",
        "\n\n",
        "\t",
        "\u00a0",
        "\u0085",
        "\u3000",
        "\ufeff",
        "\0",
        "e\u0301",
        "👩‍👩‍👧‍👦",
        "漢字",
      ),
      fc.constantFrom(...rows.slice(0, 500).flatMap(({ source, target }) => [source, target])),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((parts) => parts.join(""))
  .filter((text) => known.test(text));
const texts = [
  ...rows.slice(0, 2000).flatMap(({ source, target }) => [source, target]),
  ...fc.sample(random, { numRuns: Number(count), seed: 1 }),
];
const encoded = texts.map((text) => {
  const ids = tokenizer.encodeTarget(text);
  if (tokenizer.decode(ids) !== text) throw new Error(`not the same after decoding: ${JSON.stringify(text)}`);
  return { text, ids };
});

await mkdir(directory, { recursive: true });
await writeTokenizer(files, directory);
await writeFile(join(directory, "ids.json"), JSON.stringify({ settings, rows: rowsFile, encoded }));
const merges = files.tokenizer.model.merges.length;
console.log(`${tokenizer.vocabularySize} tokens, ${merges} merges, ${texts.length} texts -> ${directory}`);
