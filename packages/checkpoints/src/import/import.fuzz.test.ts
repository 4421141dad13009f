/**
 * Corrupt model directories either load or fail with an error that names the reason: never with a crash, a hang or a bug report. This is a short
 * run; `npm run fuzz` runs many more.
 */
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import { expect, test } from "vitest";
import { readHuggingFaceDirectory } from "./hugging-face-directory.js";
import { importDecoderOnly } from "./import-checkpoint.js";
import { corrupt, seeded, type Files } from "./test-support/corrupt.test-support.js";

const FIXTURES = join(import.meta.dirname, "../../fixtures/import");
/** One file, shards, fused matrices with longrope, windows with two rotations. */
const MODELS = ["llama", "qwen2", "phi3", "gemma3"];

const CASES = Number(process.env["SLM_FUZZ_CASES"] ?? 200);
const SEED = Number(process.env["SLM_FUZZ_SEED"] ?? 1);

const root = temporaryFolder();

async function modelFiles(name: string): Promise<Files> {
  const directory = join(FIXTURES, name);
  const names = (await readdir(directory)).filter((file) => file !== "expected.safetensors");
  return Object.fromEntries(
    await Promise.all(
      names.map(async (file) => [file, new Uint8Array(await readFile(join(directory, file)))] as const),
    ),
  );
}

async function outcome(files: Files, directory: string): Promise<string> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory);
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(directory, name), bytes);
  try {
    const { weights } = await importDecoderOnly(await readHuggingFaceDirectory(directory));
    for (const { data } of weights.values()) {
      if (!(data as Float32Array).every(Number.isFinite)) return "numbers that are not finite";
    }
    return "model";
  } catch (error) {
    return error instanceof SlmError ? error.code : String(error);
  }
}

test(
  `${CASES} corrupt directories end in a model or an error with a code`,
  async () => {
    const random = seeded(SEED);
    const originals = await Promise.all(MODELS.map(modelFiles));
    const counts: Record<string, number> = {};
    for (let index = 0; index < CASES; index++) {
      const files = corrupt(originals[index % originals.length]!, random);
      const end = await outcome(files, join(root, "model"));
      counts[end] = (counts[end] ?? 0) + 1;
      expect(
        ["model", "DATA_INVALID", "CONFIG_INVALID", "SHAPE_MISMATCH", "INPUT_MISSING"],
        `case ${index} of seed ${SEED}`,
      ).toContain(end);
    }
    // Damage that the first check always rejects would not test the later checks.
    expect(Object.keys(counts).sort()).toEqual(
      ["CONFIG_INVALID", "DATA_INVALID", "INPUT_MISSING", "SHAPE_MISMATCH", "model"].sort(),
    );
  },
  60_000 + CASES * 100,
);
