/** Sends a chunk of an evaluation to a worker, and its answers back, as JSON. Images are sent as separate files. */
import { SlmError } from "@slm/core";
import type { ChunkAnswers, ChunkRequest, EvaluationRow, RowChunk } from "@slm/inference";
import { imageOfBytes } from "@slm/vision";
import type { FileRef, SharedFiles } from "@slm/extension-workers";
import { fileRef } from "@slm/extension-workers/references";
import { z } from "zod";
import { parseEvaluationMetrics } from "../models/evaluation-metrics.js";
import { readSent } from "@slm/pipeline/workers/read-sent";

const strategy = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("greedy") }),
  z.strictObject({
    kind: z.literal("beam"),
    beams: z.int().positive(),
    lengthPenalty: z.number(),
    earlyStopping: z.union([z.boolean(), z.literal("never")]).optional(),
  }),
]);

const taskSchema = z.strictObject({
  metrics: z.array(z.string()).min(1),
  batchSize: z.int().positive(),
  strategy: strategy.optional(),
  languages: z.strictObject({ source: z.string().optional(), target: z.string().optional() }).optional(),
  rows: z.array(
    z.strictObject({
      source: z.string(),
      references: z.array(z.string()),
      image: z.strictObject({ name: z.string(), file: fileRef }).optional(),
    }),
  ),
});
type Task = z.infer<typeof taskSchema>;

const answersSchema = z.strictObject({
  answers: z.array(z.strictObject({ text: z.string(), logProbability: z.number().optional() })),
  likelihoods: z.array(z.strictObject({ nats: z.number(), tokens: z.int() })),
});

/** Everything that a chunk's answers depend on, except its rows. @throws SlmError UNEXPECTED for options that cannot be sent */
export function requestOf({ metrics, batchSize, options = {} }: ChunkRequest): Omit<Task, "rows"> {
  const { strategy: chosen, languages, ...others } = options;
  const known = strategy.optional().safeParse(chosen);
  if (!known.success || Object.values(others).some((value) => value !== undefined))
    throw new SlmError(
      "UNEXPECTED",
      "evaluate: workers support only greedy decoding and beam search, without further options",
    );
  return { metrics: [...metrics], batchSize, strategy: known.data, languages };
}

/** Sends a chunk, after its images. @returns the file of the task */
export async function sendChunk(
  files: SharedFiles,
  { rows }: RowChunk,
  request: Omit<Task, "rows">,
): Promise<FileRef> {
  const sent: Task["rows"] = [];
  for (const { source, references, image } of rows)
    sent.push({
      source,
      references: [...references],
      image: image && { name: image.name, file: await sendImage(files, image) },
    });
  return files.putBytes(Buffer.from(JSON.stringify({ ...request, rows: sent } satisfies Task)));
}

async function sendImage(
  files: SharedFiles,
  { name, source }: NonNullable<EvaluationRow["image"]>,
): Promise<FileRef> {
  const { bytes } = await source.find();
  if (bytes === undefined) throw new SlmError("UNEXPECTED", `evaluate: ${name}: an image without a file`);
  return files.putBytes(bytes);
}

/** Reads a chunk. @throws SlmError DATA_INVALID if the file is not a task, INPUT_MISSING */
export async function readChunk(
  files: SharedFiles,
  task: FileRef,
): Promise<{ readonly request: ChunkRequest; readonly rows: readonly EvaluationRow[] }> {
  const {
    rows,
    metrics,
    batchSize,
    strategy: chosen,
    languages,
  } = readSent(taskSchema, await files.getBytes(task), "evaluate: not the task of a chunk");
  return {
    request: {
      metrics: parseEvaluationMetrics(metrics.join(",")),
      batchSize,
      options: { strategy: chosen, languages },
    },
    rows: rows.map(({ image, ...row }) =>
      image === undefined ? row : { ...row, image: { name: image.name, source: sharedImage(files, image) } },
    ),
  };
}

/** An image that is fetched when it is read. */
const sharedImage = (
  files: SharedFiles,
  { name, file }: NonNullable<Task["rows"][number]["image"]>,
): NonNullable<EvaluationRow["image"]>["source"] => ({
  find: async () => imageOfBytes(await files.getBytes(file), name).find(),
});

/** Encodes the answers of a chunk, without the generator's times. */
export function encodeAnswers({ answers, likelihoods }: ChunkAnswers): Buffer {
  const texts = answers.map(({ text, logProbability }) => ({ text, logProbability }));
  return Buffer.from(JSON.stringify({ answers: texts, likelihoods } satisfies ChunkAnswers));
}

/** @throws SlmError DATA_INVALID */
export const readAnswers = (bytes: Buffer): ChunkAnswers =>
  readSent(answersSchema, bytes, "evaluate: not the answers of a chunk");
