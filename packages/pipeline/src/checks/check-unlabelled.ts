/** Checks that there are sources to label before the teacher is trained. */
import { distillConfig, requireUnlabelled } from "@slm/distillation";
import type { CheckRequest } from "./check.js";

/**
 * If the student learns from the teacher's labels, checks that the prepared data has sources without a label. Labels in a finished cache
 * are read from the cache.
 *
 * @throws SlmError INPUT_MISSING if all rows have labels
 */
export async function checkUnlabelled({
  sections,
  artifacts,
}: Pick<CheckRequest, "sections" | "artifacts">): Promise<void> {
  if (sections.distill === undefined || artifacts.cache !== undefined) return;
  const { targets } = distillConfig.parse(sections.distill);
  if (targets.unlabelledFraction > 0) await requireUnlabelled(artifacts.data!, targets);
}
