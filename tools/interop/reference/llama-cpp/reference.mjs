/**
 * Writes llama.cpp's next-token distributions for twenty prompts as a reference for `slm teacher check`: the 256 most probable tokens and
 * the tail mass at each position.
 *
 * Usage: node tools/interop/reference/llama-cpp/reference.mjs MODEL.gguf REFERENCE.safetensors
 */
import { openLlama } from "./llama.mjs";
import { PROMPTS } from "./prompts.mjs";
import { writeSafetensors } from "./safetensors.mjs";

const TOP = 256;
/** The model's own distribution: no filter, temperature one. */
const PLAIN = { temperature: 1, topK: 0, topP: 1, minP: 0 };

async function distributions(
  /** @type {import("./llama.mjs").Sequence} */ sequence,
  /** @type {readonly number[]} */ ids,
) {
  await sequence.clearHistory();
  const ask = { generateNext: { probabilities: true, options: PLAIN } };
  const answers = await sequence.controlledEvaluate(ids.map((id) => /** @type {const} */ ([id, ask])));
  return answers.map((answer) => answer.next.probabilities);
}

async function main(/** @type {string} */ model, /** @type {string} */ output) {
  const llama = await openLlama();
  const loaded = await llama.loadModel({ modelPath: model });
  const begin = loaded.tokens.shouldPrependBosToken ? [Number(loaded.tokens.bos)] : [];
  const rows = PROMPTS.map((text) => [...begin, ...loaded.tokenize(text, true).map(Number)]);
  const length = Math.max(...rows.map((row) => row.length));
  const context = await loaded.createContext({ contextSize: length + 1, sequences: 1, threads: 1 });
  const sequence = context.getSequence();
  const shape = [rows.length, length];
  const ids = new Int32Array(rows.length * length);
  const topIds = new Int32Array(ids.length * TOP);
  const topLogProbabilities = new Float32Array(topIds.length).fill(-100);
  const tail = new Float32Array(ids.length);
  for (const [row, tokens] of rows.entries()) {
    ids.set(tokens, row * length);
    for (const [index, probabilities] of (await distributions(sequence, tokens)).entries()) {
      const at = row * length + index;
      const mostProbable = [...probabilities].sort((a, b) => b[1] - a[1]).slice(0, TOP);
      let rest = 1;
      for (const [place, [token, probability]] of mostProbable.entries()) {
        topIds[at * TOP + place] = token;
        topLogProbabilities[at * TOP + place] = Math.log(probability);
        rest -= probability;
      }
      tail[at] = Math.max(0, rest);
    }
    console.error(`${row + 1} of ${rows.length}: ${tokens.length} tokens`);
  }
  writeSafetensors(
    output,
    {
      ids: { shape, data: ids },
      lengths: { shape: [rows.length], data: Int32Array.from(rows, (row) => row.length) },
      topIds: { shape: [...shape, TOP], data: topIds },
      topLogProbabilities: { shape: [...shape, TOP], data: topLogProbabilities },
      tail: { shape, data: tail },
    },
    { made_by: "llama.cpp through node-llama-cpp 3.21.1" },
  );
  await loaded.dispose();
}

const [model, output] = process.argv.slice(2);
if (model === undefined || output === undefined) {
  console.error("usage: reference.mjs MODEL.gguf REFERENCE.safetensors");
  process.exitCode = 2;
} else await main(model, output);
