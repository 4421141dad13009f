/** Tokenizes the training rows for the student and, if there is one, the teacher. */
import { join } from "node:path";
import { DATA_FILES, readRows, textRow, type Row } from "@slm/data";
import { SlmError } from "@slm/core";
import { scoredRowFilter } from "@slm/teacher";
import { imageTokensOf, visionOf, type ModelConfig } from "@slm/model";
import type { PairLimits } from "@slm/training";
import { withImages, writeCorpus, type Corpus, type TeacherReader } from "./corpus.js";
import type { DistillRun } from "../config/distill-inputs.js";
import { openRowImages } from "./row-images.js";
import { fileHash } from "./content-hashes.js";

/** Directory for the tokens during the run. */
export const CORPUS_FILE = "pairs.bin";

/** The student's limit for a row's text, without the tokens of its image. */
export const textLimits = (config: ModelConfig): PairLimits => ({
  maxSource: config.maxSource - imageTokensOf(config),
  maxTarget: config.maxTarget,
});

/** The training rows, with their images for a vision-language student.
 *
 * @throws SlmError DATA_INVALID for rows that one of the models cannot read, or with an unexpected or missing image.
 */
export async function openCorpus(
  { inputs, config, tokenizer }: DistillRun,
  teacher: TeacherReader | undefined,
): Promise<Corpus> {
  const { dataDirectory, cacheDirectory, workDirectory, context } = inputs;
  const where = join(dataDirectory, DATA_FILES.train);
  const file = join(workDirectory, CORPUS_FILE);
  const tower = visionOf(config)?.tower;
  const isScored = cacheDirectory === undefined ? () => true : await scoredRowFilter(cacheDirectory);
  const kept = (): AsyncGenerator<Row> => filtered(readRows(where), (row) => isScored(textRow(row)));
  const rows = tower === undefined ? withoutImages(kept(), where) : kept();
  const limits = textLimits(config);
  const corpus = await writeCorpus({ rows, tokenizer, limits, where, file }, teacher);
  if (tower === undefined) return corpus;
  try {
    const images = await openRowImages({
      rows: kept,
      identity: await fileHash(where),
      tower,
      dataDirectory,
      workDirectory,
      where,
      context,
    });
    return withImages(corpus, images);
  } catch (error) {
    await corpus.close();
    throw error;
  }
}

/** Rows within the limits. */
async function* filtered(rows: AsyncIterable<Row>, isKept: (row: Row) => boolean): AsyncGenerator<Row> {
  for await (const row of rows) if (isKept(row)) yield row;
}

/** Passes rows through. @throws SlmError DATA_INVALID for a row with an image */
async function* withoutImages(rows: AsyncIterable<Row>, where: string): AsyncGenerator<Row> {
  let count = 0;
  for await (const row of rows) {
    count += 1;
    if (row.image !== undefined)
      throw new SlmError(
        "DATA_INVALID",
        `${where}: row ${count} has an image, but the student is text-only`,
        {
          suggestions: ["configure distill.student.vision"],
        },
      );
    yield row;
  }
}
