/** The student's configuration before the run, for the checks. */
import { MANIFEST_FILE } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { distillConfig, type DistillConfig } from "@slm/distillation";
import type { ModelConfig } from "@slm/model";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { plannedStudentConfig } from "../estimates/planned-shapes.js";
import type { CheckRequest } from "./check.js";

/**
 * The student's configuration; undefined if stage `distill` trains no student, or if the teacher or vision tower that its shape depends on
 * is not on disk yet.
 *
 * @throws SlmError CONFIG_INVALID for sizes that do not fit together
 */
export async function plannedStudent({
  sections,
  artifacts,
  compute,
}: CheckRequest): Promise<ModelConfig | undefined> {
  const settings = distillConfig.safeParse(sections.distill).data;
  if (settings === undefined) return undefined;
  // A stage that a plan runs for its rows has no manifest.
  const whole = Object.entries(artifacts).filter(([, directory]) =>
    existsSync(join(directory, MANIFEST_FILE)),
  );
  return aboutStudent("has a shape that cannot be built", settings, () =>
    plannedStudentConfig({ settings, sections, artifacts: Object.fromEntries(whole), compute }),
  );
}

/** Adds to an error that it concerns the student's settings. */
export async function aboutStudent<Result>(
  problem: string,
  { student }: Pick<DistillConfig, "student">,
  run: () => Promise<Result>,
): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof SlmError)) throw error;
    throw new SlmError(error.code, `distill.student ${problem}: ${error.message}`, {
      context: { ...error.context, student },
      suggestions: [...error.suggestions, "change distill.student, or export.target"],
      cause: error,
    });
  }
}
