/**
 * Trains the tiny model of the end-to-end tests and bundles it: forty synthetic words, a few hundred parameters, two steps.
 *
 *   node tools/scripts/tiny-run.mjs DIRECTORY        the bundle is DIRECTORY/run/deploy
 */
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  process.stderr.write("usage: node tools/scripts/tiny-run.mjs DIRECTORY\n");
  process.exit(2);
}
const letters = ["a", "b", "c", "d", "e"];
const words = Array.from({ length: 40 }, (_, index) =>
  Array.from({ length: 2 + (index % 4) }, (_letter, at) => letters[(index * (at + 3) + at) % 5]).join(""),
);
const rows = (/** @type {string[]} */ list) =>
  list
    .map((source) => `${JSON.stringify({ source, target: [...source.toUpperCase()].join(" ") })}\n`)
    .join("");
const shape = {
  width: 32,
  heads: 2,
  kvHeads: 2,
  headDim: 16,
  feedForward: 64,
  decoderLayers: 1,
  maxSource: 16,
  maxTarget: 16,
  bias: false,
};
const training = { steps: 60, batchSize: 8, warmupSteps: 5, buckets: 1, evaluateEvery: 60, evaluateRows: 2 };
const file = (/** @type {string} */ split) => join(directory, `${split}.jsonl`);
const recipe = {
  data: { train: file("train"), dev: file("dev"), test: file("test") },
  tokenizer: {},
  teacher: { kind: "train", model: shape, ...training },
  distill: { student: { ...shape, encoderLayers: 1 }, ...training },
  quantize: { schemes: ["cpu"], gate: { metric: "per", maxDrop: 1000 } },
  deploy: { name: "Tiny" },
};
await mkdir(directory, { recursive: true });
await writeFile(file("train"), rows(words));
await writeFile(file("dev"), rows(["abc", "deb"]));
await writeFile(file("test"), rows(["cab", "bed", "ace"]));
await writeFile(join(directory, "recipe.yaml"), JSON.stringify(recipe));
const bin = join(import.meta.dirname, "..", "..", "apps", "cli", "bin", "run.js");
execFileSync(
  process.execPath,
  [bin, "run", join(directory, "recipe.yaml"), "--out", join(directory, "run"), "--quiet"],
  {
    stdio: ["ignore", "ignore", "inherit"],
  },
);
