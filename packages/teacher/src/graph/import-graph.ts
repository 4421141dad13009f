/** Imports a directory with an ONNX decoder as a teacher: graph, weights and tokenizer are copied unchanged. */
import { constants } from "node:fs";
import { copyFile, mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isFile, readJsonFile, resolveInside, SlmError } from "@slm/core";
import { modelFiles } from "@slm/onnx";
import {
  CHAT_TEMPLATE_FILE,
  createTokenizer,
  fillVocabulary,
  readExternalTokenizer,
  readTokenizerFiles,
  TOKENIZER_CONFIG_FILE,
  writeTokenizer,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { z } from "zod";
import { lengthsOf } from "@slm/checkpoints";
import { GRAPH_FOLDER, writeGraphFile } from "./graph-file.js";
import { readDecoderSignature } from "./load-graph.js";
import { weightCount } from "./weight-count.js";

/** Usual file names of exported decoders, in order of preference. */
const PLACES = ["model.onnx", "decoder_model_merged.onnx", "decoder_model.onnx"].flatMap((file) => [
  file,
  `onnx/${file}`,
]);

/** Fields read from the model's `config.json`, if there is one. */
const configSchema = z.looseObject({
  vocab_size: z.int().positive().optional(),
  max_position_embeddings: z.int().positive().optional(),
  eos_token_id: z.union([z.int().nonnegative(), z.array(z.int().nonnegative())]).nullish(),
});
type ExternalSettings = z.infer<typeof configSchema>;

interface ImportGraphOptions {
  /** The ONNX file in the directory. Default: the first usual file name that exists. */
  readonly file?: string | undefined;
  /** [tokens]; default as for other imports. */
  readonly maxSource?: number | undefined;
  readonly maxTarget?: number | undefined;
}

interface ImportedGraph {
  readonly parameters: number;
  readonly vocab: number;
  /** Its origin. */
  readonly source: string;
}

/** A graph in a directory: its file, and fields of its `config.json`. */
export interface FoundGraph {
  readonly path: string;
  readonly vocabularySize: number;
  readonly settings: ExternalSettings;
}

/**
 * Finds the decoder in a directory.
 *
 * @throws SlmError INPUT_MISSING if it does not exist; DATA_INVALID if it is not a language-model decoder, or its vocabulary size is unknown.
 */
export async function findGraph(directory: string, file?: string): Promise<FoundGraph> {
  const path = await placeOf(directory, file);
  const settings = (await isFile(join(directory, "config.json")))
    ? await readJsonFile(join(directory, "config.json"), configSchema)
    : {};
  const vocabularySize = (await readDecoderSignature(path)).vocabularySize ?? settings.vocab_size;
  if (vocabularySize !== undefined) return { path, vocabularySize, settings };
  throw new SlmError(
    "DATA_INVALID",
    `teacher: ${path}: the vocabulary size is unknown: neither the shape of 'logits' nor config.json (vocab_size) contains it`,
  );
}

/** The files of a graph teacher, to detect changes. @throws SlmError as {@link findGraph} */
export async function graphFiles(directory: string, file?: string): Promise<readonly string[]> {
  const { path } = await findGraph(directory, file);
  const tokenizer = ["tokenizer.json", TOKENIZER_CONFIG_FILE].map((name) => join(directory, name));
  const optional: string[] = [];
  for (const name of ["config.json", CHAT_TEMPLATE_FILE])
    if (await isFile(join(directory, name))) optional.push(join(directory, name));
  return [...tokenizer, ...optional, ...(await modelFiles(path)).map((name) => join(dirname(path), name))];
}

/**
 * Copies the graph with its weights to `work`, and completes its tokenizer like other imports.
 *
 * @throws SlmError as {@link findGraph}; CONFIG_INVALID for limits that exceed the model's positions; SHAPE_MISMATCH
 * if the tokenizer has more tokens than the graph.
 */
export async function importGraph(
  directory: string,
  work: string,
  { file, ...limits }: ImportGraphOptions,
): Promise<ImportedGraph> {
  const { path, vocabularySize, settings } = await findGraph(directory, file);
  const { max_position_embeddings = Number.MAX_SAFE_INTEGER } = settings;
  const { maxSource, maxTarget } = lengthsOf(
    { max_position_embeddings, original_max_position_embeddings: undefined },
    limits,
    directory,
  );
  const files = fillVocabulary(await tokenizerOf(directory, settings), vocabularySize, directory);
  const { tokens } = createTokenizer(files);
  const parameters = await weightCount(path);
  const [model, ...weights] = await modelFiles(path);
  for (const name of [model!, ...weights]) {
    const target = resolveInside(join(work, GRAPH_FOLDER), name);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(join(dirname(path), name), target, constants.COPYFILE_FICLONE);
  }
  await writeTokenizer(files, work);
  if (await isFile(join(directory, CHAT_TEMPLATE_FILE)))
    await copyFile(join(directory, CHAT_TEMPLATE_FILE), join(work, CHAT_TEMPLATE_FILE));
  const described = { weights: "onnx", parameters, vocabularySize, maxSource, maxTarget, tokens };
  await writeGraphFile(work, { file: `${GRAPH_FOLDER}/${model!}`, ...described });
  return { parameters, vocab: vocabularySize, source: directory };
}

async function placeOf(directory: string, file: string | undefined): Promise<string> {
  for (const place of file === undefined ? PLACES : [file]) {
    const path = resolveInside(directory, place);
    if (await isFile(path)) return path;
  }
  const there = await onnxFiles(directory);
  throw new SlmError(
    "INPUT_MISSING",
    `teacher: ${directory} has no ${file ?? "decoder: looked for model.onnx, decoder_model_merged.onnx and decoder_model.onnx, also in onnx/"}`,
    {
      context: { directory, found: there },
      suggestions: there.slice(0, 5).map((name) => `teacher.file: ${name}`),
    },
  );
}

async function onnxFiles(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const folder of ["", "onnx/"]) {
    const names = await readdir(join(directory, folder)).catch(() => []);
    found.push(...names.filter((name) => name.endsWith(".onnx")).map((name) => `${folder}${name}`));
  }
  return found.sort();
}

/** Exports of slm define the text around sources. Other directories use the defaults of imports. */
async function tokenizerOf(
  directory: string,
  { eos_token_id: eos }: ExternalSettings,
): Promise<TokenizerFiles> {
  const own = await readJsonFile(
    join(directory, TOKENIZER_CONFIG_FILE),
    z.looseObject({ source: z.unknown().optional() }),
  );
  if (own.source !== undefined) return readTokenizerFiles(directory);
  const first = Array.isArray(eos) ? eos[0] : eos;
  return readExternalTokenizer(directory, typeof first === "number" ? { eos: first } : {});
}
