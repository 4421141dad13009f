import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT } from "@slm/artifact";
import { createRandom } from "@slm/decoding";
import {
  decoderOnlyConfig,
  encoderDecoderConfig,
  initializeWeights,
  readCheckpoint,
  writeCheckpoint,
  type ModelConfig,
} from "@slm/model";
import { createEagerEngine } from "@slm/tensor";
import { loadTokenizer, trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { afterEach, beforeEach, expect, test } from "vitest";
import { distillConfig } from "./distill-config.js";
import { distill, type DistillReport } from "./distill.js";

const shape = {
  width: 8,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  feedForward: 12,
  decoderLayers: 1,
  maxSource: 4,
  maxTarget: 4,
};
const sources = ["a", "ab", "ba", "bb", "aab", "bab"];
const rows = sources.map((source) => ({ source, target: source.toUpperCase().replaceAll(/\B/g, " ") }));

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "distill-"));
  for (const name of ["data", "tokenizer", "teacher", "work"]) await mkdir(join(root, name));
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  for (const name of ["train", "dev"]) await writeFile(join(root, "data", `${name}.jsonl`), text);
  const targets = rows.map(({ target }) => target);
  await writeTokenizer(
    trainSymbolTokenizer({ sources, targets, sourceLowercase: false }),
    join(root, "tokenizer"),
  );
});
afterEach(() => rm(root, { recursive: true }));

async function writeTeacher(
  make: (vocabulary: { vocabularySize: number; tokens: object }) => ModelConfig,
): Promise<void> {
  const { vocabularySize, tokens } = await loadTokenizer(join(root, "tokenizer"));
  const config = make({ vocabularySize, tokens });
  await writeCheckpoint(join(root, "teacher"), {
    config,
    weights: initializeWeights(config, createRandom(1).next),
  });
}

async function run(): Promise<DistillReport> {
  const settings = distillConfig.parse({
    student: { ...shape, encoderLayers: 1 },
    steps: 4,
    batchSize: 2,
    warmupSteps: 1,
    evaluateEvery: 2,
    evaluateRows: 3,
    targets: { student: 0.5 },
  });
  return distill(settings, {
    dataDirectory: join(root, "data"),
    tokenizerDirectory: join(root, "tokenizer"),
    teacherDirectory: join(root, "teacher"),
    workDirectory: join(root, "work"),
    engine: await createEagerEngine("js"),
    context: { progress: SILENT, signal: new AbortController().signal, seed: 1 },
  });
}

test("a finished run leaves a checkpoint, its tokenizer, log and report, and no work in progress", async () => {
  await writeTeacher((vocabulary) => decoderOnlyConfig.parse({ ...shape, ...vocabulary }));
  const report = await run();
  const files = await readdir(join(root, "work"));
  expect(files.sort()).toEqual([
    "config.json",
    "metrics.jsonl",
    "model.safetensors",
    "report.html",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  const { config, weights } = await readCheckpoint(join(root, "work"));
  expect(config.architecture).toBe("encoder-decoder");
  expect(report.parameters).toBe([...weights.values()].reduce((sum, { data }) => sum + data.length, 0));
  expect(report).toMatchObject({ steps: 4, bestStep: expect.any(Number) as number });
  const log = await readFile(join(root, "work/metrics.jsonl"), "utf8");
  expect(
    log
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { step: number }).step),
  ).toEqual([2, 4, 4]);
});

test("a teacher with another vocabulary is refused with both sizes", async () => {
  await writeTeacher(({ tokens }) => decoderOnlyConfig.parse({ ...shape, tokens, vocabularySize: 50 }));
  await expect(run()).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
  await expect(run()).rejects.toThrow("the teacher's vocabulary has 50 tokens, the tokenizer's 8");
});

test("an encoder-decoder is refused as a teacher", async () => {
  await writeTeacher((vocabulary) =>
    encoderDecoderConfig.parse({ ...shape, ...vocabulary, encoderLayers: 1 }),
  );
  await expect(run()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});
