/**
 * Measures what draft tokens save: decoder runs and time per answer. Also checks that answers equal those of plain greedy decoding.
 *
 *   npm run build && node tools/bench/draft-tokens.mjs MODEL ROWS.jsonl [key=value ...]
 *
 * Keys: rows=500 (first rows of the file), rules=4,8,12 (maximum number of draft tokens, if the model has draft rules), lookup=0 (maximum
 * number of tokens that prompt lookup copies), threads=1. MODEL is an export, a quantized directory or a bundle. For each row, all settings
 * are measured before the next row, and the setting that goes first alternates, so that other load affects all settings.
 *
 * Prints a line per setting: tokens per run, answers that differ from plain greedy decoding, tokens/s of whole answers (with encoding) and
 * after the first run, both also as ratios to plain decoding, and median and 99th percentile of the time per answer [ms]. Times are
 * meaningful only on an idle machine.
 */
import { readDeviceModel } from "@slm/exported-model";
import { openGraphModel } from "@slm/inference";
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
  const generator = await openGraphModel(directory, runtime, {
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
