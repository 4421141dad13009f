/**
 * What draft heads save: tokens per decoder run, and whether the answers are those of plain greedy decoding.
 *
 *   npm run build && node tools/bench/draft-tokens.mjs MODEL ROWS.jsonl [key=value ...]
 *
 * Keys: rows=500 (the first ones of the file)  lookup=0 (tokens copied by prompt lookup besides)  threads=1. MODEL is an export, a quantized
 * directory or a bundle with draft heads. Every number of draft tokens from 0 to all that the heads make answers the rows one by one.
 *
 * Prints a line for each: draft tokens, tokens per run, answers that differ from plain greedy decoding, and the time of all answers [ms],
 * encoding included, which counts only on an idle machine.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { readDeviceModel } from "@slm/exported-model";
import { loadGenerator } from "@slm/inference";
import { createCpuRuntime } from "@slm/runtime-node";

const [directory, file, ...settings] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: draft-tokens.mjs MODEL ROWS.jsonl [key=value ...]");
const options = { rows: 500, lookup: 0, threads: 1 };
for (const setting of settings) {
  const [key, value] = setting.split("=");
  if (!(key in options)) throw new Error(`unknown key ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = Number(value);
}
const sources = [];
for await (const line of createInterface({ input: createReadStream(file) })) {
  if (sources.length === options.rows) break;
  if (line.trim() !== "") sources.push(JSON.parse(line).source);
}

const { draftHeads = 0 } = await readDeviceModel(directory);
const runtime = await createCpuRuntime({ threads: options.threads });
const promptLookup = options.lookup === 0 ? undefined : options.lookup;
let plain;
for (let draftTokens = 0; draftTokens <= draftHeads; draftTokens += 1) {
  const copied = draftTokens === 0 ? undefined : promptLookup;
  const generator = await loadGenerator(directory, runtime, { draftTokens, promptLookup: copied });
  await generator.warmUp();
  const began = performance.now();
  const answers = await generator.generate(sources, { batchSize: 1 });
  const milliseconds = performance.now() - began;
  await generator.close();
  plain ??= answers;
  const tokens = answers.reduce((sum, answer) => sum + answer.tokens.length + (answer.finished ? 1 : 0), 0);
  const runs = answers.reduce((sum, answer) => sum + answer.stepsMs.length, 0);
  const differing = answers.filter(({ tokens: ids }, row) => ids.join() !== plain[row].tokens.join()).length;
  console.log(
    JSON.stringify({
      draftTokens,
      rows: sources.length,
      tokens,
      runs,
      tokensPerRun: Number((tokens / runs).toFixed(3)),
      differing,
      milliseconds: Math.round(milliseconds),
    }),
  );
}
await runtime.close();
