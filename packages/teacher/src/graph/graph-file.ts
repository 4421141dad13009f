/** `graph.json`: describes a decoder-only ONNX graph as a teacher, next to its tokenizer. */
import { join } from "node:path";
import { readJsonFile, relativePath, writeJsonAtomic } from "@slm/core";
import { z } from "zod";

export const GRAPH_FILE = "graph.json";

/** Folder of the graph and its weights in a teacher's directory. */
export const GRAPH_FOLDER = "graph";

const tokenId = z.int().nonnegative();

const graphSchema = z.strictObject({
  version: z.literal(1),
  file: relativePath.describe("The ONNX file, relative to the directory."),
  weights: z.string().describe("Format of its weights: float32, int8, int4, or onnx for an external file."),
  parameters: z.int().positive(),
  vocabularySize: z.int().positive(),
  maxSource: z.int().positive().describe("Longest source, including the prompt [tokens]."),
  maxTarget: z.int().positive().describe("Longest target, including the EOS token [tokens]."),
  tokens: z.strictObject({ pad: tokenId, bos: tokenId, eos: tokenId, unknown: tokenId }),
});

/** Contents of `graph.json`. */
export type GraphTeacherFile = z.infer<typeof graphSchema>;

/** @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function readGraphFile(directory: string): Promise<GraphTeacherFile> {
  return readJsonFile(join(directory, GRAPH_FILE), graphSchema, { limitBytes: 1 << 16 });
}

/** @throws SlmError OUTPUT_FAILED */
export async function writeGraphFile(
  directory: string,
  file: Omit<GraphTeacherFile, "version">,
): Promise<void> {
  await writeJsonAtomic(join(directory, GRAPH_FILE), { ...file, version: 1 });
}
