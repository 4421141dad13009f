/** Runs a decoder-only model on a reference's texts and compares next-token distributions. */
import { throwIfInterrupted, type StageContext } from "@slm/core";
import type { Engine } from "@slm/tensor";
import { checkpointSubject } from "./check-checkpoint.js";
import { graphSubject, isGraphDirectory } from "./check-graph.js";
import { AgreementSum, type Agreement } from "./compare-positions.js";
import { readReference } from "./reference-file.js";

export interface TeacherCheckOptions {
  readonly engine: Engine;
  readonly context: Pick<StageContext, "progress" | "signal">;
}

export interface TeacherCheckReport extends Agreement {
  readonly parameters: number;
  readonly vocab: number;
  readonly rows: number;
}

/**
 * Compares the model in a directory (a graph if there is one, otherwise a checkpoint) with a reference.
 *
 * @throws SlmError INPUT_MISSING, CONFIG_INVALID, DATA_INVALID or SHAPE_MISMATCH, naming the file; INTERRUPTED.
 */
export async function checkTeacher(
  directory: string,
  referenceFile: string,
  { engine, context }: TeacherCheckOptions,
): Promise<TeacherCheckReport> {
  const isGraph = await isGraphDirectory(directory);
  const subject = await (isGraph ? graphSubject : checkpointSubject)(directory, engine);
  const { vocabularySize, parameters } = subject;
  const { rows, length } = await readReference(referenceFile, vocabularySize);
  const opened = await subject.open(length);
  const sum = new AgreementSum();
  try {
    for (const [index, row] of rows.entries()) {
      throwIfInterrupted(context.signal, "teacher check");
      for await (const { from, logits } of opened.logits(row.ids)) {
        const end = Math.min(row.ids.length, from + logits.length / vocabularySize);
        for (let at = from; at < end; at++) {
          const start = (at - from) * vocabularySize;
          sum.add(logits.subarray(start, start + vocabularySize), row.position(at));
        }
      }
      context.progress({ stage: "check", message: `${index + 1} of ${rows.length} rows` });
    }
  } finally {
    await opened.close();
  }
  return { parameters, vocab: vocabularySize, rows: rows.length, ...sum.result };
}
