/** The teacher's metric on the dev rows that the student is measured on: taken once, and kept with the run's state. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readSealedJson, writeSealedJson } from "@slm/core";
import { referencesOf } from "@slm/data";
import { METRICS, type MetricName } from "@slm/metrics";
import { z } from "zod";
import { greedyAnswers, type GreedyAnswersRequest } from "./greedy-answers.js";

/** File in the work directory with the value and the key of its run. */
export const TEACHER_DEV_FILE = "teacher-dev.json";

const fileSchema = z.strictObject({ key: z.string(), metric: z.string(), value: z.number() });

export interface TeacherDevRequest extends GreedyAnswersRequest {
  readonly metric: MetricName;
  readonly workDirectory: string;
  /** Identifies the run; a value of another run is not reused. */
  readonly key: string;
}

/**
 * The metric of the teacher's greedy answers, from the file if this run has measured it before. A row that the teacher cannot read counts
 * as an empty answer.
 *
 * @throws SlmError INTERRUPTED between batches; DATA_INVALID for a corrupt file.
 */
export async function teacherDevValue(request: TeacherDevRequest): Promise<number> {
  const { metric, workDirectory, key, rows } = request;
  const path = join(workDirectory, TEACHER_DEV_FILE);
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  const held = exists ? await readSealedJson(path, fileSchema) : undefined;
  if (held?.key === key && held.metric === metric) return held.value;
  const value = METRICS[metric].compute(await greedyAnswers(request), rows.map(referencesOf));
  await writeSealedJson(path, { key, metric, value });
  return value;
}
