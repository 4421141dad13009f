/** Checks before the teacher is trained that stage cache will store the targets that the student learns from. */
import { SlmError } from "@slm/core";
import { DATA_FILES } from "@slm/data";
import { distillConfig } from "@slm/distillation";
import { cacheConfig } from "@slm/labelling";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { CheckRequest } from "./check.js";

/**
 * Checks that the recipe stores the teacher's targets, and that the prepared data has sources without a label if the student learns from the
 * teacher's labels. Targets in a finished cache are read from the cache.
 *
 * @throws SlmError CONFIG_INVALID for a recipe that does not store them; INPUT_MISSING if all rows have labels
 */
export async function checkUnlabelled({
  sections,
  artifacts,
}: Pick<CheckRequest, "sections" | "artifacts">): Promise<void> {
  if (sections.distill === undefined || artifacts.cache !== undefined) return;
  const { unlabelledFraction, sequenceKdFraction } = distillConfig.parse(sections.distill).targets;
  const cache = cacheConfig.safeParse(sections.cache).data;
  if (sequenceKdFraction > 0 && (cache === undefined || cache.generate === "none"))
    throw notStored("sequenceKdFraction", "--set cache.generate=greedy");
  if (unlabelledFraction === 0) return;
  await requireUnlabelled(artifacts.data!, unlabelledFraction);
  if (cache === undefined) throw notStored("unlabelledFraction", "--set cache.k=50");
}

const notStored = (fraction: string, suggestion: string): SlmError =>
  new SlmError(
    "CONFIG_INVALID",
    `distill.targets.${fraction}: expected a section cache that stores the teacher's targets, got none`,
    { suggestions: [suggestion, `--set distill.targets.${fraction}=0`] },
  );

async function requireUnlabelled(dataDirectory: string, fraction: number): Promise<void> {
  const path = join(dataDirectory, DATA_FILES.unlabelled);
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > 0) return;
  throw new SlmError(
    "INPUT_MISSING",
    `distill.targets.unlabelledFraction: expected unlabelled sources for ${fraction} of the batches, got none: ` +
      `${DATA_FILES.unlabelled} is missing or empty, so every training row has a label`,
    {
      context: { file: path },
      suggestions: [
        "--set distill.targets.unlabelledFraction=0",
        "--set data.labels=1000, or fewer",
        "--set data.unlabelled.path=FILE",
      ],
    },
  );
}
