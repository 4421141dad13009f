/** Compares models with reference outputs of other programs. */
import {
  REFERENCE_TOLERANCES,
  checkHuggingFace,
  checkReference,
  isHuggingFaceReference,
  type HuggingFaceReport,
  type ReferenceReport,
} from "@slm/checkpoints";
import { GateFailed } from "@slm/core/errors";
import { contextOf, type WorkOptions } from "@slm/core/work";
import type { Compute } from "@slm/models/compute";
import { checkTeacher as compareTeacher, type TeacherCheckReport } from "@slm/teacher";
import { withEngine } from "@slm/models/engines";
import { useOwnImporters } from "@slm/models/own-extensions";

/**
 * Compares the model of a reference with what the reference's program computed: outputs, losses and gradients, or answers.
 *
 * @param reference a directory, see docs/formats/teacher-reference.md
 * @throws GateFailed with the report, if the model differs by more than the tolerances
 */
export async function checkModel(
  reference: string,
  compute: Compute,
): Promise<ReferenceReport | HuggingFaceReport> {
  await useOwnImporters();
  const check = (await isHuggingFaceReference(reference)) ? checkHuggingFace : checkReference;
  const report = await withEngine(compute, (engine): Promise<ReferenceReport | HuggingFaceReport> =>
    check(reference, engine),
  );
  if (report.pass) return report;
  const { output, loss, gradient } = REFERENCE_TOLERANCES;
  throw new GateFailed(
    `${reference}: the model differs from the reference; tolerances: outputs ${output}, losses ${loss} ` +
      `relative, gradients ${gradient} relative`,
    report,
    ["compare engines: slm model check --reference DIR --engine js"],
  );
}

interface TeacherLimits {
  /** Smallest share of positions with the same top-1 token. */
  readonly minAgreement: number;
  /** Largest mean KL(reference || model) per position [nats]. */
  readonly maxKl: number;
}

export interface CheckedTeacher extends TeacherCheckReport {
  readonly limits: TeacherLimits;
  readonly pass: boolean;
}

/**
 * Compares a teacher's logits with those of another program.
 *
 * @param reference a file, see docs/formats/teacher-reference.md
 * @throws GateFailed with the report, if a limit is exceeded
 */
export async function checkTeacher(
  teacher: string,
  reference: string,
  { minAgreement, maxKl, ...options }: TeacherLimits & Compute & WorkOptions,
): Promise<CheckedTeacher> {
  const context = contextOf(options);
  const report = await withEngine(options, (engine) =>
    compareTeacher(teacher, reference, { engine, context }),
  );
  const pass = report.agreement >= minAgreement && report.meanKl <= maxKl;
  const result = { ...report, limits: { minAgreement, maxKl }, pass };
  if (pass) return result;
  throw new GateFailed(
    `${teacher}: agreement ${report.agreement.toFixed(4)} (at least ${minAgreement}), ` +
      `mean KL ${report.meanKl.toPrecision(3)} (at most ${maxKl})`,
    result,
    ["compare with the original of the import, in its original dtype"],
  );
}
