/**
 * Measures how fast a corpus is tokenized: texts/s and tokens/s on one thread.
 *
 *   npm run build && node tools/bench/tokenize.mjs TOKENIZER ROWS.jsonl [ROWS]
 *
 * TOKENIZER is a directory with tokenizer.json, such as a run's `tokenizer`. Reads all rows of ROWS.jsonl, or the first ROWS. There are two
 * passes; in the second pass, words of the first one are cached, up to the size of the cache.
 */
import { readRows } from "@slm/data";
import { loadTokenizer } from "@slm/tokenizer";

const [directory, file, most = "Infinity"] = process.argv.slice(2);
if (directory === undefined || file === undefined)
  throw new Error("usage: tokenize.mjs TOKENIZER ROWS.jsonl [ROWS]");
const tokenizer = await loadTokenizer(directory);
const rows = [];
for await (const row of readRows(file)) {
  if (rows.length >= Number(most)) break;
  rows.push(row);
}
const texts = 2 * rows.length;
for (const pass of ["first", "second"]) {
  const begin = performance.now();
  let tokens = 0;
  for (const { source, target } of rows)
    tokens += tokenizer.encodeSource(source).length + tokenizer.encodeTarget(target).length;
  const seconds = (performance.now() - begin) / 1000;
  const rate = (/** @type {number} */ count) => Math.round(count / seconds).toLocaleString("en");
  console.log(
    `${pass} pass: ${texts} texts, ${tokens} tokens in ${seconds.toFixed(2)} s, ${rate(texts)} texts/s, ${rate(tokens)} tokens/s`,
  );
}
