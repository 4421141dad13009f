import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { expect, test } from "vitest";
import { parseModelConfig, initializeWeights } from "@slm/model";
import { fromHalf, toHalf } from "@slm/runtime";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.js";
import { CONFIG_FILE } from "./file-names.js";
import { copyWithVocabulary } from "./vocabulary-rows.js";
import { WEIGHTS_FILE } from "./file-names.js";

const config = parseModelConfig(
  {
    architecture: "decoder-only",
    width: 4,
    heads: 2,
    kvHeads: 1,
    headDim: 2,
    feedForward: 6,
    decoderLayers: 1,
    maxSource: 4,
    maxTarget: 4,
    vocabularySize: 7,
    tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
  },
  "test",
);

let draw = 0;
const weights = initializeWeights(config, () => ((draw = (draw + 0.37) % 1), draw));

const directory = temporaryFolder({ each: true });

test("float32 weights come back bit for bit", async () => {
  await writeCheckpoint(directory, { config, weights });
  expect(await readCheckpoint(directory)).toEqual({ config, weights });
});

test("float16 weights come back rounded to half precision", async () => {
  await writeCheckpoint(directory, { config, weights }, "float16");
  const read = await readCheckpoint(directory);
  for (const [name, { data }] of weights) {
    const rounded = Array.from(data as Float32Array, (value) => fromHalf(toHalf(value)));
    expect([...read.weights.get(name)!.data], name).toEqual(rounded);
  }
});

test("weights in shards come back bit for bit, and are cut to some tokens", async () => {
  await writeCheckpoint(directory, { config, weights }, "float32", { shardBytes: 200 });
  expect((await readdir(directory)).filter((name) => name.startsWith("model-")).length).toBeGreaterThan(1);
  expect(await readCheckpoint(directory)).toEqual({ config, weights });
  const cut = await mkdtemp(join(directory, "cut-"));
  await copyWithVocabulary(directory, cut, [0, 1, 2, 3, 6], config.tokens);
  const embedding = weights.get("embedding.weight")!.data as Float32Array;
  const kept = (await readCheckpoint(cut)).weights.get("embedding.weight")!;
  expect(kept.shape).toEqual([5, 4]);
  expect([...kept.data].slice(16)).toEqual([...embedding.subarray(24)]);
});

test("a config of another size than the weights is rejected by the tensor's name", async () => {
  await writeCheckpoint(directory, { config, weights });
  const file = join(directory, CONFIG_FILE);
  const json = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
  await writeFile(file, JSON.stringify({ ...json, vocabularySize: 8 }));
  await expect(readCheckpoint(directory)).rejects.toThrow(withCode("SHAPE_MISMATCH"));
});

test("names missing and corrupt parts", async () => {
  await expect(readCheckpoint(directory)).rejects.toMatchObject({ code: "INPUT_MISSING" });
  await writeCheckpoint(directory, { config, weights });
  await rm(join(directory, WEIGHTS_FILE));
  await expect(readCheckpoint(directory)).rejects.toThrow(WEIGHTS_FILE);
  await writeFile(join(directory, CONFIG_FILE), "{");
  await expect(readCheckpoint(directory)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});
