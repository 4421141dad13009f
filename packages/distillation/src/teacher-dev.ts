/** The teacher's metric on the dev rows that the student is measured on: taken once, and kept with the run's state. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readJsonFile, SlmError, writeJsonAtomic } from "@slm/core";
import { referencesOf, textRow, type Row } from "@slm/data";
import { METRICS, type MetricName } from "@slm/metrics";
import { decodeSources, type Teacher } from "@slm/teacher";
import type { Tokenizer } from "@slm/tokenizer";
import { z } from "zod";

/** File in the work directory with the value and the key of its run. */
export const TEACHER_DEV_FILE = "teacher-dev.json";

const fileSchema = z.strictObject({ key: z.string(), metric: z.string(), value: z.number() });

export interface TeacherDevRequest {
  readonly teacher: Teacher;
  /** The teacher's own, or the student's where they share one. */
  readonly tokenizer: Tokenizer;
  readonly rows: readonly Row[];
  readonly metric: MetricName;
  readonly workDirectory: string;
  /** Identifies the run; a value of another run is not reused. */
  readonly key: string;
  readonly signal: AbortSignal;
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
  const held = exists ? await readJsonFile(path, fileSchema) : undefined;
  if (held?.key === key && held.metric === metric) return held.value;
  const value = METRICS[metric].compute(await answersOf(request), rows.map(referencesOf));
  await writeJsonAtomic(path, { key, metric, value });
  return value;
}

async function answersOf({ teacher, tokenizer, rows, signal }: TeacherDevRequest): Promise<string[]> {
  const { maxSource } = teacher.config;
  const answers = rows.map(() => "");
  const readable: { readonly row: number; readonly tokens: Int32Array }[] = [];
  rows.forEach((row, index) => {
    const tokens = encoded(textRow(row).source, tokenizer);
    if (tokens !== undefined && tokens.length <= maxSource) readable.push({ row: index, tokens });
  });
  const decoded = await decodeSources({
    teacher,
    sources: readable.map(({ tokens }) => tokens),
    strategy: { kind: "greedy" },
    random: () => 0,
    signal,
  });
  readable.forEach(({ row }, index) => {
    answers[row] = tokenizer.decode(decoded[index]!.tokens);
  });
  return answers;
}

function encoded(text: string, tokenizer: Tokenizer): Int32Array | undefined {
  try {
    return Int32Array.from(tokenizer.encodeSource(text));
  } catch (error) {
    if (error instanceof SlmError && error.code === "DATA_INVALID") return undefined;
    throw error;
  }
}
