/**
 * What drafts save: runs of the decoder, time of answers, and whether they are those of plain greedy decoding.
 *
 *   npm run build && node tools/bench/draft-tokens.mjs MODEL ROWS.jsonl [key=value ...]
 *
 * Keys: rows=500 (the first ones of the file)  rules=4,8,12 (most draft tokens of the model's draft rules, if it has some)
 * lookup=0 (most tokens copied by prompt lookup)  threads=1. MODEL is an export, a quantized directory or a
 * bundle. Every row is answered in each way before the next row, the first way of a row changing, so that what disturbs the machine
 * disturbs all ways.
 *
 * Prints a line for each way: tokens per run, answers that differ from plain greedy decoding, tokens/s of whole answers (encoding included) and
 * after the first run, both also as ratios to plain, and the median and the 99th percentile of an answer [ms]. Times count only on an idle machine.
 */
import { readDeviceModel } from "@slm/exported-model";
import { openModel } from "@slm/inference";
import { createCpuRuntime } from "@slm/runtime-node";
import { draftLines } from "./lib/draft-lines.mjs";
import { firstSources } from "../lib/first-sources.mjs";
import { settingsOf } from "../lib/settings.mjs";

const [directory, file, ...settings] = process.argv.slice(2);
if (directory === undefined || file === undefined)
  throw new Error("usage: draft-tokens.mjs MODEL ROWS.jsonl [key=value ...]");
const options = settingsOf({ rows: "500", rules: "4,8,12", lookup: "0", threads: "1" }, settings);
const [most, lookup, threads] = [Number(options.rows), Number(options.lookup), Number(options.threads)];
const sources = await firstSources(file, most);

const { draftRules = 0 } = await readDeviceModel(directory);
const counts = draftRules === 0 ? [] : options.rules.split(",").map(Number);
/** @type {{ draftTokens: number, lookup?: number }[]} */
const ways = [
  { draftTokens: 0 },
  ...counts.map((draftTokens) => ({ draftTokens })),
  ...(lookup === 0 ? [] : [{ draftTokens: 0, lookup }]),
];

const runtime = await createCpuRuntime({ threads });
const measured = [];
for (const way of ways) {
  const generator = await openModel(directory, runtime, {
    draftTokens: way.draftTokens,
    promptLookup: way.lookup,
  });
  await generator.warmUp();
  await generator.generate(sources.slice(0, 20), { batchSize: 1 });
  /** @type {import("@slm/inference").Generation[]} */
  const answers = [];
  measured.push({ ...way, generator, answers });
}
for (const [row, source] of sources.entries()) {
  for (const [turn] of measured.entries()) {
    const way = measured[(row + turn) % measured.length];
    const [answer] = (await way?.generator.generate([source], { batchSize: 1 })) ?? [];
    if (answer !== undefined) way?.answers.push(answer);
  }
}
for (const { generator } of measured) await generator.close();
await runtime.close();

console.log(JSON.stringify({ directory, rows: sources.length, threads, node: process.version }));
for (const line of draftLines(
  measured.map(({ draftTokens, lookup: copied = 0, answers }) => ({ draftTokens, copied, answers })),
))
  console.log(line);
