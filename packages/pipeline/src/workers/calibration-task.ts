/** A part of a calibration for another machine: the statistics to collect and the rows to run. Images are sent as separate files. */
import { removePath } from "@slm/core";
import { GRAPH_NAMES } from "@slm/exported-model";
import { writeOnnx, type Graph } from "@slm/onnx";
import type { PartRows, ProbedStatistic, TokenPair } from "@slm/quantization";
import type { FileRef, JobRequest, SharedFiles } from "@slm/extension-workers";
import { fileRef } from "@slm/extension-workers/references";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { readSent } from "./read-sent.js";

const of = { value: z.string(), outputs: z.array(z.string()) };
const statisticsSchema: z.ZodType<readonly ProbedStatistic[]> = z.array(
  z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("range"), ...of }),
    z.strictObject({ kind: z.literal("gram"), ...of, width: z.int().positive() }),
  ]),
);

const ids = z.array(z.int().nonnegative());
const rowsSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("pairs"),
    graph: z.enum(GRAPH_NAMES),
    bucket: z.int().nonnegative().optional(),
    runs: z.array(
      z.array(z.strictObject({ source: ids, target: ids, patches: fileRef.optional() })).nonempty(),
    ),
  }),
  z.strictObject({ kind: z.literal("files"), files: z.array(fileRef) }),
]);
type SentRows = z.infer<typeof rowsSchema>;

/** Path of the graph in the tree that is sent. */
export const CALIBRATED_GRAPH = "graph.onnx";

/** Sends a graph with its weights in separate files, which are stored once for any number of probes. @returns its tree */
export async function sendGraph(files: SharedFiles, graph: Graph): Promise<FileRef> {
  const directory = await mkdtemp(join(tmpdir(), "slm-calibration-"));
  try {
    await writeOnnx(graph, join(directory, CALIBRATED_GRAPH), { externalData: { file: "weights.data" } });
    return await files.putTree(directory);
  } finally {
    await removePath(directory);
  }
}

export const sendStatistics = (
  files: SharedFiles,
  statistics: readonly ProbedStatistic[],
): Promise<FileRef> => files.putBytes(Buffer.from(JSON.stringify(statistics)));

/** @throws SlmError DATA_INVALID, INPUT_MISSING */
export const readStatistics = async (
  files: SharedFiles,
  file: FileRef,
): Promise<readonly ProbedStatistic[]> =>
  readSent(statisticsSchema, await files.getBytes(file), "quantize: expected calibration statistics");

/** Sends the images of a part, then its rows. */
export async function sendRows(files: SharedFiles, rows: PartRows): Promise<FileRef> {
  const put = async (sent: SentRows): Promise<FileRef> => files.putBytes(Buffer.from(JSON.stringify(sent)));
  if (rows.kind === "files") {
    const refs: FileRef[] = [];
    for (const path of rows.paths) refs.push(await files.putFile(path));
    return put({ kind: "files", files: refs });
  }
  const runs: (SentRows & { kind: "pairs" })["runs"] = [];
  for (const run of rows.runs) {
    const [first, ...others] = run;
    const sent: (typeof runs)[number] = [await sendPair(files, first!)];
    for (const pair of others) sent.push(await sendPair(files, pair));
    runs.push(sent);
  }
  return put({ ...rows, runs });
}

async function sendPair(
  files: SharedFiles,
  { source, target, patches }: TokenPair,
): Promise<{ readonly source: number[]; readonly target: number[]; readonly patches?: FileRef | undefined }> {
  const image = patches && new Uint8Array(patches.buffer, patches.byteOffset, patches.byteLength);
  return { source: [...source], target: [...target], patches: image && (await files.putBytes(image)) };
}

/** The storage and folder to read rows from. */
export interface RowsRequest extends Pick<JobRequest, "files"> {
  readonly copies: Pick<JobRequest["copies"], "file">;
}

/** Reads the rows of a part. Files of model inputs are copied to this machine once. @throws SlmError DATA_INVALID, INPUT_MISSING */
export async function readRows({ files, copies }: RowsRequest, file: FileRef): Promise<PartRows> {
  const rows = readSent(rowsSchema, await files.getBytes(file), "quantize: expected calibration rows");
  if (rows.kind === "files") {
    const paths: string[] = [];
    for (const ref of rows.files) paths.push(await copies.file(ref));
    return { kind: "files", paths };
  }
  const runs: TokenPair[][] = [];
  for (const run of rows.runs) {
    const pairs: TokenPair[] = [];
    for (const { patches, ...pair } of run)
      pairs.push({ ...pair, patches: patches && (await readPatches(files, patches)) });
    runs.push(pairs);
  }
  return { ...rows, runs };
}

async function readPatches(files: SharedFiles, ref: FileRef): Promise<Float32Array> {
  return new Float32Array(new Uint8Array(await files.getBytes(ref)).buffer);
}
