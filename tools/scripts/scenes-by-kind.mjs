/**
 * Right answers to questions about scenes by their kind: which kinds a model has learnt.
 *
 *   npm run slm -- eval MODEL --data rows.jsonl --metrics answerMatch -o predictions.jsonl
 *   node tools/scripts/scenes-by-kind.mjs predictions.jsonl
 */
import { readFile } from "node:fs/promises";

/** What tells a kind from those below it; see `configs/vqa`. */
const KINDS = [
  ["compare", /more \w+( shapes)? than|outnumber|is the number of/],
  ["relation", /left of|right of|above|below/],
  ["size", /which is (larger|smaller)|what is (larger|smaller)/],
  ["exists", /^(is there|do you see|does the picture show|can) an? /],
  ["bars", /bars are there|count the bars|number of bars/],
  ["extreme", /highest|lowest/],
  ["more", /higher than|larger than bar|a higher value/],
  ["difference", /\b[A-Z] and [A-Z]\b/],
  ["value", /\b[A-Z]\b/],
  ["count", /how many|^count|what is the number of/],
  ["colour", /colour/],
  ["figure", /^(what|which|name)/],
];

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: scenes-by-kind.mjs PREDICTIONS.jsonl");

const found = new Map(KINDS.map(([kind]) => [kind, { rows: 0, right: 0 }]));
for (const line of (await readFile(file, "utf8")).split("\n").filter((text) => text !== "")) {
  const { source, correct } = JSON.parse(line);
  const kind = KINDS.find(([, pattern]) => pattern.test(source))?.[0];
  if (kind === undefined) throw new Error(`no kind of question: ${source}`);
  const counts = found.get(kind);
  counts.rows += 1;
  counts.right += correct ? 1 : 0;
}

const percent = ({ rows, right }) => (rows === 0 ? "-" : `${((100 * right) / rows).toFixed(1)} %`);
console.log("| kind | questions | right |\n| --- | --- | --- |");
for (const [kind, counts] of found) console.log(`| ${kind} | ${counts.rows} | ${percent(counts)} |`);
const all = [...found.values()].reduce(
  (sum, { rows, right }) => ({ rows: sum.rows + rows, right: sum.right + right }),
  { rows: 0, right: 0 },
);
console.log(`| all | ${all.rows} | ${percent(all)} |`);
