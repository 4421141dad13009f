/**
 * Greedy decoding on the CPU through onnxruntime-node's binding in a worker, and through the C interface in a process of its own: which
 * of the two the CPU should use.
 *
 *   npm run build && node tools/bench/native-runtime.mjs MODEL ROWS.jsonl [key=value ...]
 *
 * Keys: rows=64  rounds=7  threads=2  batch=1. MODEL is an export for target cpu. Rounds take the runtimes in turn, the first of a round
 * changing. Prints one JSON line: medians over rounds [tokens/s], their ratio, and whether all answers were equal.
 */
import { readFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { openModel } from "@slm/inference";
import { createCpuRuntime } from "@slm/runtime-node";
import { openNativeRuntime } from "@slm/runtime-native";

const [directory, file, ...settings] = process.argv.slice(2);
const options = { rows: 64, rounds: 7, threads: 2, batch: 1 };
for (const setting of settings) {
  const [key, value] = setting.split("=");
  if (!(key in options)) throw new Error(`unknown key ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = Number(value);
}
if (file === undefined) throw new Error("usage: native-runtime.mjs MODEL ROWS.jsonl [key=value ...]");
const { rows, rounds, threads, batch } = options;
const load = loadavg()[0];

const sources = (await readFile(file, "utf8"))
  .split("\n")
  .slice(0, rows)
  .map((line) => JSON.parse(line).source);

const RUNTIMES = {
  binding: () => createCpuRuntime({ threads }),
  native: () => openNativeRuntime({ device: { provider: "cpu" }, threads }),
};

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const opened = {};
for (const [name, open] of Object.entries(RUNTIMES)) {
  const runtime = await open();
  const generator = await openModel(directory, runtime);
  await generator.warmUp();
  opened[name] = { runtime, generator, rates: [], answers: [] };
}
for (let round = 0; round < rounds; round++) {
  const names = Object.keys(opened);
  if (round % 2 === 1) names.reverse();
  for (const name of names) {
    const one = opened[name];
    const started = performance.now();
    const generations = [];
    for (let at = 0; at < sources.length; at += batch)
      generations.push(...(await one.generator.generate(sources.slice(at, at + batch))));
    const seconds = (performance.now() - started) / 1000;
    one.rates.push(generations.reduce((sum, { tokens }) => sum + tokens.length, 0) / seconds);
    one.answers = generations.map(({ text }) => text);
  }
}
const { binding, native } = opened;
console.log(
  JSON.stringify({
    cpu: cpus()[0]?.model,
    load,
    ...options,
    bindingTokensPerSecond: Math.round(median(binding.rates)),
    nativeTokensPerSecond: Math.round(median(native.rates)),
    ratio: Number((median(native.rates) / median(binding.rates)).toFixed(3)),
    equalAnswers: binding.answers.join("\n") === native.answers.join("\n"),
  }),
);
for (const { runtime, generator } of Object.values(opened)) {
  await generator.close();
  await runtime.close();
}
