/** Stores pairs that could not be scored next to the shards of an unfinished cache, so that a resumed build skips them too. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ifThere, readJsonFile, writeJsonAtomic } from "@slm/core";
import { z } from "zod";
import { KEY_BYTES } from "./pair-key.js";
import type { UnscoredPair } from "./teacher-cache.js";

const FILE = "unscored-pairs.json";

const schema = z.array(
  z.strictObject({
    key: z.string().regex(new RegExp(`^[0-9a-f]{${2 * KEY_BYTES}}$`, "u")),
    reason: z.string(),
  }),
);

/** Reads the pairs of an unfinished build. @throws SlmError DATA_INVALID */
export async function readUnscored(directory: string): Promise<readonly UnscoredPair[]> {
  return (await ifThere(readJsonFile(join(directory, FILE), schema))) ?? [];
}

/** @throws SlmError OUTPUT_FAILED */
export async function writeUnscored(directory: string, pairs: readonly UnscoredPair[]): Promise<void> {
  await writeJsonAtomic(join(directory, FILE), pairs);
}

/** Removes the file of a finished build. */
export async function removeUnscored(directory: string): Promise<void> {
  await rm(join(directory, FILE), { force: true });
}
