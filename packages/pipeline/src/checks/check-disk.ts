/** Checks that the disk has enough space for the weights that the run writes. */
import { isThere } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { parameterCount } from "@slm/model";
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { formatBytes } from "@slm/core/format";
import type { CheckRequest } from "./check.js";
import { plannedStudent } from "./planned-student.js";

/** Size of a float32 weight [bytes]. */
const WEIGHT_BYTES = 4;

/** How many copies of all weights a stage writes. Training writes a state (weights, two moments, average) and the checkpoint. */
const COPIES: Readonly<Record<string, number>> = { distill: 5, export: 1, quantize: 1, deploy: 1 };

/**
 * Checks that the disk of the run's directory has enough space for the weights that the run writes.
 *
 * @throws SlmError OUTPUT_FAILED with the space needed and the space free
 */
export async function checkDisk(request: CheckRequest): Promise<void> {
  const { running, out } = request;
  const config = await plannedStudent(request);
  if (config === undefined) return;
  const copies = running.reduce((sum, stage) => sum + (COPIES[stage] ?? 0), 0);
  const needed = copies * WEIGHT_BYTES * parameterCount(config);
  const { bavail, bsize } = await statfs(await existingParent(resolve(out)));
  const free = bavail * bsize;
  if (needed <= free) return;
  throw new SlmError(
    "OUTPUT_FAILED",
    `${out}: the run writes about ${formatBytes(needed)}, but the disk has only ${formatBytes(free)} free`,
    {
      context: { out, neededBytes: needed, freeBytes: free },
      suggestions: ["--out DIRECTORY_ON_ANOTHER_DISK"],
    },
  );
}

async function existingParent(path: string): Promise<string> {
  return (await isThere(path)) || dirname(path) === path ? path : existingParent(dirname(path));
}
