/** An interrupted run never continues with weights that differ from the saved ones. */
import { createRandom } from "@slm/generation";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "@slm/core/testing";
import { readSealedTensors } from "./sealed-tensors.js";
import {
  copyObjective,
  copyPairs,
  copyRequest,
  copySettings,
} from "../test-support/copy-task.test-support.js";
import { STATE_FILE, train } from "../run/trainer.js";
import type { TrainRequest } from "../contract/training-contract.js";

const directory = temporaryFolder();
beforeAll(async () => {
  const controller = new AbortController();
  const objective = copyObjective(pairs, copySettings.batchSize);
  const stopping = {
    ...objective,
    feeds: (...given: Parameters<typeof objective.feeds>) => {
      if (given[2] > 12) controller.abort();
      return objective.feeds(...given);
    },
  };
  const request = await requestOf({ objective: stopping }, controller.signal);
  await expect(train(request)).rejects.toMatchObject({ code: "INTERRUPTED" });
});

const pairs = copyPairs(40, 1);
const requestOf = (changes: Partial<TrainRequest> = {}, signal?: AbortSignal): Promise<TrainRequest> =>
  copyRequest({ workDirectory: directory, pairs }, changes, signal === undefined ? {} : { signal });

const { next } = createRandom(11);

/** Runs `check` after each of `count` random bit flips in a file, and restores the file. */
async function flipping(path: string, count: number, check: (where: string) => Promise<void>): Promise<void> {
  const bytes = await readFile(path);
  for (let flip = 0; flip < count; flip += 1) {
    const [at, bit] = [Math.floor(next() * bytes.length), Math.floor(next() * 8)];
    const corrupt = Buffer.from(bytes);
    corrupt[at]! ^= 1 << bit;
    await writeFile(path, corrupt);
    await check(`bit ${bit} of byte ${at}`);
  }
  await writeFile(path, bytes);
}

test("1,000 random wrong bits in the saved state: no run resumes from one", async () => {
  await flipping(join(directory, STATE_FILE), 1000, async (where) => {
    await expect(train(await requestOf()), where).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
}, 300_000);

test("200 random wrong bits in the best weights so far: none are read", async () => {
  const best = (await readdir(directory)).filter((name) => name.startsWith("best-"));
  expect(best.length).toBeGreaterThan(0);
  for (const name of best)
    await flipping(join(directory, name), 200, async (where) => {
      await expect(readSealedTensors(join(directory, name)), where).rejects.toMatchObject({
        code: "DATA_INVALID",
      });
    });
});

test("a state without a checksum cannot be resumed", async () => {
  const path = join(directory, STATE_FILE);
  const bytes = await readFile(path);
  await writeFile(path, Buffer.from(bytes.toString("latin1").replace('"checksum"', '"checkdum"'), "latin1"));
  await expect(train(await requestOf())).rejects.toMatchObject({ code: "DATA_INVALID" });
  await writeFile(path, bytes);
  const { steps } = await train(await requestOf());
  expect(steps).toBe(copySettings.steps);
});
