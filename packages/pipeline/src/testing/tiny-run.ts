/** A run small enough for tests: forty synthetic words, models of a few hundred parameters, two steps. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const LETTERS = ["a", "b", "c", "d", "e"];

/** Words of two to five letters. */
export function words(count: number, first: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const length = 2 + (index % 4);
    const spelt = Array.from({ length }, (_letter, at) => LETTERS[(first + index * (at + 3) + at) % 5]!);
    return spelt.join("");
  });
}

/** Words as rows: the targets are the letters in upper case. */
function jsonl(texts: readonly string[]): string {
  return texts
    .map((source) => JSON.stringify({ source, target: Array.from(source.toUpperCase()).join(" ") }))
    .map((line) => `${line}\n`)
    .join("");
}

const shape = { width: 16, heads: 2, decoderLayers: 1, maxSource: 8, maxTarget: 8 };
const training = {
  steps: 2,
  batchSize: 4,
  warmupSteps: 1,
  buckets: 1,
  evaluateEvery: 2,
  evaluateRows: 2,
};

export const METRICS = ["per", "wer"];

/** Default sections of the recipe; a test overrides what it needs. */
export function tinyRecipe(root: string): Readonly<Record<string, object>> {
  const file = (split: string): string => join(root, `${split}.jsonl`);
  return {
    metrics: METRICS,
    data: { train: file("train"), dev: file("dev"), test: file("test") },
    tokenizer: {},
    teacher: { kind: "train", model: shape, ...training },
    distill: { student: { ...shape, encoderLayers: 1 }, ...training },
    // Blocks of 16 divide the width. After two steps the model is useless, so the gate allows any loss.
    quantize: { gate: { maxDrop: 1000 } },
    deploy: { name: "Tiny", summary: "Spells." },
  };
}

/** Writes rows and `r.yaml` into a directory, and returns the recipe's path. */
export async function writeTinyRecipe(
  root: string,
  sections: Readonly<Record<string, object>> = tinyRecipe(root),
): Promise<string> {
  await mkdir(root, { recursive: true });
  await writeFile(join(root, "train.jsonl"), jsonl(words(32, 0)));
  await writeFile(join(root, "dev.jsonl"), jsonl(["abc", "deb"]));
  await writeFile(join(root, "test.jsonl"), jsonl(["cab", "bed", "ace"]));
  const recipe = join(root, "r.yaml");
  await writeFile(recipe, JSON.stringify({ metrics: METRICS, ...sections })); // JSON is YAML.
  return recipe;
}
