/** A run with a cache of several shards: many short synthetic words and a teacher with a few thousand weights. */
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "@slm/core";
import { createRandom } from "@slm/generation";

const LETTERS = Array.from("abcdefghij");
export const shape = { width: 32, heads: 2, decoderLayers: 2, maxSource: 8, maxTarget: 8 };
const training = {
  steps: 2,
  batchSize: 8,
  warmupSteps: 1,
  buckets: 1,
  evaluateEvery: 2,
  evaluateRows: 2,
};

/** Different words of six letters, the same for the same seed. */
export function words(count: number, seed: number): readonly string[] {
  const { next } = createRandom(seed);
  const found = new Set<string>();
  while (found.size < count)
    found.add(Array.from({ length: 6 }, () => LETTERS[Math.floor(next() * LETTERS.length)]!).join(""));
  return [...found];
}

/** Rows as JSON lines, with each word spelled in capitals. */
export const lines = (sources: readonly string[]): string =>
  sources
    .map((source) => `${JSON.stringify({ source, target: Array.from(source.toUpperCase()).join(" ") })}\n`)
    .join("");

/** Writes rows and `recipe.yaml`. @returns the recipe's path */
export async function writeRun(directory: string, sources: readonly string[]): Promise<string> {
  await mkdir(directory, { recursive: true });
  const file = (split: string): string => join(directory, `${split}.jsonl`);
  await writeFile(file("train"), lines(sources));
  // Words of five letters, which are not in the training rows.
  await writeFile(file("dev"), lines(["abcde", "fghij"]));
  await writeFile(file("test"), lines(["jihgf", "edcba"]));
  const recipe = {
    metrics: ["per"],
    data: { train: file("train"), dev: file("dev"), test: file("test") },
    tokenizer: {},
    teacher: { kind: "train", model: shape, ...training },
    cache: { k: 8 },
  };
  const path = join(directory, "recipe.yaml");
  await writeFile(path, JSON.stringify(recipe)); // JSON is YAML.
  return path;
}

/** A run with the same teacher, and without its cache. */
export async function copyWithoutCache(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
  await rm(join(to, "cache"), { recursive: true, force: true });
}

/** Hash of every file of a cache, by name, except the manifest, which contains times. */
export async function cacheContents(run: string): Promise<Readonly<Record<string, string>>> {
  const directory = join(run, "cache");
  const names = (await readdir(directory, { recursive: true }))
    .filter((name) => name !== "manifest.json")
    .sort();
  const hashes = names.map(async (name) => [name, sha256(await readFile(join(directory, name)))] as const);
  return Object.fromEntries(await Promise.all(hashes));
}
