/** Checks that there is something for a teacher to label before the teacher is trained. */
import { distillConfig, requireUnlabelled } from "@slm/distillation";
import type { CheckRequest } from "./check.js";

/**
 * The prepared data has sources without a label if the student is to learn from the teacher's labels of such. Labels of a cache that is
 * finished are read from the cache.
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
