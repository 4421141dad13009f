/** Greedy answers of a trained model on the simulator, held against those of its float32 export on the CPU. */
import { loadTokenizer } from "@slm/tokenizer";
import { execa } from "execa";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const PROGRAM = join(import.meta.dirname, "simulate_answers.py");

/** `{sources, cpu, simulated}`, see simulate_answers.py. `count` rows of the run's test split, spread over it. */
export async function simulatedAnswers({ directory, run, soc, count, cache, python }) {
  const scratch = await mkdtemp(join(cache, "answers-"));
  try {
    const sources = join(scratch, "sources.jsonl");
    await writeFile(sources, await sourceIds(directory, join(run, "data/test.jsonl"), count));
    const args = [directory, join(directory, "../float32"), "--soc", soc.model, "--sources", sources];
    const { stdout } = await execa(python, [PROGRAM, ...args, "--context", scratch]);
    return JSON.parse(stdout.trim().split("\n").at(-1));
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function sourceIds(directory, file, count) {
  const tokenizer = await loadTokenizer(directory);
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  const chosen = Array.from({ length: count }, (_, at) => lines[Math.floor((at * lines.length) / count)]);
  return chosen
    .map((line) => `${JSON.stringify([...tokenizer.encodeSource(JSON.parse(line).source)])}\n`)
    .join("");
}
