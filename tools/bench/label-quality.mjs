/**
 * How good a teacher's labels are, by how sure it was of them: a metric over the surest quarter, half and three quarters of the rows,
 * and over all, against gold targets of the same sources that the teacher never saw. Says what `cache.unlabelled.minScore` and
 * `keepFraction` would leave. Needs `npm run build`.
 *
 *   slm data prepare RECIPE --set data.labels=1000000 --out GOLD # All rows keep their labels.
 *   node tools/bench/label-quality.mjs RUN/cache/teacher-labelled.jsonl GOLD/data chrf
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readAllRows, textRow } from "@slm/data";
import { METRICS } from "@slm/metrics";

const SHARES = [
  ["the best quarter", 0.25],
  ["the better half", 0.5],
  ["the best three quarters", 0.75],
  ["all", 1],
];

const [labels, gold, name] = process.argv.slice(2);
const metric = METRICS[name];
if (metric === undefined)
  throw new Error(
    `usage: label-quality.mjs LABELLED.jsonl GOLD_FOLDER METRIC (${Object.keys(METRICS).join(", ")})`,
  );

const known = new Map();
for (const row of (await readAllRows(join(gold, "train.jsonl"))).map(textRow))
  known.set(row.source, row.references ?? [row.target]);

const rows = (await readFile(labels, "utf8"))
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line))
  .filter(({ source }) => known.has(source))
  .sort((a, b) => b.score - a.score);

console.log(
  `${rows.length} labels with gold targets\n| labels kept | lowest score | ${name} |\n| --- | ---: | ---: |`,
);
for (const [title, share] of SHARES) {
  const kept = rows.slice(0, Math.round(share * rows.length));
  const value = metric.compute(
    kept.map(({ target }) => target),
    kept.map(({ source }) => known.get(source)),
  );
  const shown = metric.unit === "fraction" ? `${(100 * value).toFixed(1)} %` : value.toFixed(1);
  console.log(`| ${title} | ${kept.at(-1).score.toFixed(4)} | ${shown} |`);
}
