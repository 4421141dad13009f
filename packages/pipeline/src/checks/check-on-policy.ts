/** Checks that on-policy targets suit the teacher and the cache before either does any work. */
import { SlmError } from "@slm/core";
import { distillConfig, isAlwaysOnPolicy } from "@slm/distillation";
import { teacherConfig } from "@slm/labelling";
import type { CheckRequest } from "./check.js";

/** Teachers that only label sources: they cannot score the student's samples. */
const LABELLERS: ReadonlySet<string> = new Set(["api", "command", "extension"]);

/** @throws SlmError CONFIG_INVALID for a teacher that cannot score samples, or a cache that nothing would read */
export function checkOnPolicy({ sections }: Pick<CheckRequest, "sections">): void {
  const targets = distillConfig.safeParse(sections.distill).data?.targets;
  if (targets === undefined || targets.onPolicyFraction === 0) return;
  const kind = teacherConfig.safeParse(sections.teacher).data?.kind;
  if (kind !== undefined && LABELLERS.has(kind))
    throw new SlmError(
      "CONFIG_INVALID",
      "distill.targets.onPolicyFraction: expected a teacher that computes distributions over the student's samples, " +
        `got teacher.kind ${kind}, which only labels sources`,
      { suggestions: ["--set distill.targets.onPolicyFraction=0", "use a local model as teacher"] },
    );
  if (sections.cache !== undefined && isAlwaysOnPolicy(targets))
    throw new SlmError(
      "CONFIG_INVALID",
      "distill.targets.onPolicyFraction: with 1 the teacher scores the student's samples in every batch, so the student does not read " +
        "the distributions and labels of section cache",
      { suggestions: ["--set cache=null", "--set distill.targets.onPolicyFraction=0.5"] },
    );
}
