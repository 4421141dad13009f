import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { writeCheckpoint } from "@slm/checkpoints";
import { describe, expect, test } from "vitest";
import {
  checkpointDirectory,
  emptyDirectory,
  encoderDecoder,
  randomCheckpoint,
} from "../tiny-checkpoint.test-support.js";
import { openCheckpoint } from "./weight-file.js";

const root = temporaryFolder();
const checkpoint = randomCheckpoint(encoderDecoder);

describe(openCheckpoint, () => {
  test("reads the weights of shards", async () => {
    const directory = await emptyDirectory(root);
    await writeCheckpoint(directory, checkpoint, "float32", { shardBytes: 4000 });
    expect(await readdir(directory)).toContain("model.safetensors.index.json");
    const { weights, close } = await openCheckpoint(directory);
    expect(new Map(weights)).toEqual(new Map(checkpoint.weights));
    close();
    await rm(
      join(
        directory,
        (await readdir(directory)).find((name) => name.startsWith("model-00002-of-"))!,
      ),
    );
    await expect(openCheckpoint(directory)).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });

  test("converts float16 weights to float32", async () => {
    const directory = await emptyDirectory(root);
    await writeCheckpoint(directory, checkpoint, "float16");
    const { weights, close } = await openCheckpoint(directory);
    const name = "embedding.weight";
    const expected = checkpoint.weights.get(name)!.data as Float32Array;
    weights.get(name)!.data.forEach((value, index) => {
      expect(Number(value)).toBeCloseTo(expected[index]!, 3);
    });
    close();
  });

  test("rejects weights of another model before any is read", async () => {
    const directory = await checkpointDirectory(root, checkpoint);
    const other = randomCheckpoint({ ...encoderDecoder, width: 32 });
    await writeCheckpoint(directory, { config: encoderDecoder, weights: other.weights });
    await expect(openCheckpoint(directory)).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
  });
});
