/** Writes sample predictions of the final student for some dev rows. */
import { join } from "node:path";
import { writeTextAtomic } from "@slm/core";
import { thumbnail, type Row } from "@slm/data";
import type { Weights } from "@slm/model";
import { SAMPLES_FILE } from "@slm/report";
import { drawRows, type DevRow } from "@slm/training";
import type { DistillRun } from "./config/distill-inputs.js";
import { studentPredictions } from "./student-predictions.js";

/** Number of sample rows. */
export const SAMPLES = 40;

/** Longest side of thumbnails [pixels]. */
const THUMBNAIL_PIXELS = 320;

/**
 * Writes {@link SAMPLES_FILE}: one JSON object {source, target, references, image, thumbnail, prediction} per line.
 *
 * @param candidates the dev split. @throws SlmError OUTPUT_FAILED
 */
export async function writeSamples(
  run: DistillRun,
  weights: Weights,
  candidates: readonly DevRow[],
): Promise<void> {
  const { context, dataDirectory, workDirectory } = run.inputs;
  const rows = drawRows(candidates, SAMPLES, context.seed);
  const answers = await studentPredictions(run, weights, rows);
  const lines = [];
  for (const [index, row] of rows.entries()) {
    const shown = { ...shownRow(row), ...(await thumbnailOf(row, dataDirectory)) };
    lines.push(JSON.stringify({ ...shown, prediction: answers[index] }));
  }
  await writeTextAtomic(join(workDirectory, SAMPLES_FILE), lines.map((line) => `${line}\n`).join(""));
}

/** The fields of a sample; absent fields are not written. */
const shownRow = ({ source, target, references, image }: Row): object => ({
  source,
  target,
  references,
  image,
});

async function thumbnailOf({ image }: Row, dataDirectory: string): Promise<{ readonly thumbnail?: string }> {
  if (image === undefined) return {};
  const png = await thumbnail(dataDirectory, image, THUMBNAIL_PIXELS);
  return { thumbnail: Buffer.from(png).toString("base64") };
}
