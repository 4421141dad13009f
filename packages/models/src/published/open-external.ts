/** Opens models in third-party formats: Hugging Face directories and the formats of importers. */
import { readFailure, readJsonFile } from "@slm/core";
import {
  CONFIG_FILE,
  configuredEos,
  encoderDecoderTokens,
  IMPORTERS,
  isPublishedEncoderDecoder,
  readHuggingFaceDirectory,
  type ExternalModel,
  type Importer,
} from "@slm/checkpoints";
import {
  CHAT_TEMPLATE_FILE,
  readEncoderDecoderTokenizer,
  readExternalTokenizer,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { PREPROCESSOR_FILE } from "@slm/vision";
import { existsSync, readdirSync, statSync, type Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { useOwnImporters } from "../own-extensions.js";

interface ExternalFormat extends Importer {
  /** Does not need the weights. @throws SlmError as `open` */
  readonly tokenizer: (source: string) => Promise<TokenizerFiles>;
  /** Files that the tokenizer is read from. */
  readonly tokenizerFiles: (source: string) => readonly string[];
}

const HUGGING_FACE: ExternalFormat = {
  fits: (_source, status) => status.isDirectory(),
  open: openDirectory,
  tokenizer: directoryTokenizer,
  files: directoryFiles,
  tokenizerFiles: (source) => [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE].map((file) => join(source, file)),
};

/** The model's format. Importers of extensions are tried before our own. */
function formatOf(status: Stats, source: string): ExternalFormat {
  const importer = Object.values(IMPORTERS.rows).find(({ fits }) => fits(source, status));
  if (importer === undefined) return HUGGING_FACE;
  const files = importer.files ?? ((path: string): readonly string[] => [path]);
  return {
    ...importer,
    files,
    tokenizer: async (path) => (await importer.open(path)).tokenizer,
    tokenizerFiles: files,
  };
}

/** Opens a model of any supported format. @throws SlmError INPUT_MISSING if the source does not exist, and from the format's reader */
export async function openExternal(source: string): Promise<ExternalModel> {
  return (await existingFormat(source)).open(source);
}

/** The tokenizer of a model of any supported format. @throws SlmError as {@link openExternal} */
export async function openExternalTokenizer(source: string): Promise<TokenizerFiles> {
  return (await existingFormat(source)).tokenizer(source);
}

async function existingFormat(source: string): Promise<ExternalFormat> {
  await useOwnImporters();
  const status = await stat(source).catch((error: unknown) => {
    throw readFailure(error, source, ["slm teacher import hf:org/name -o DIR"]);
  });
  return formatOf(status, source);
}

/**
 * The files of an external model. If the source does not exist, the files that a directory would have, so that the error names a missing file.
 */
export async function externalFiles(source: string): Promise<readonly string[]> {
  return (await likelyFormat(source)).files?.(source) ?? [source];
}

/** The tokenizer's files; see {@link externalFiles}. */
export async function externalTokenizerFiles(source: string): Promise<readonly string[]> {
  return (await likelyFormat(source)).tokenizerFiles(source);
}

async function likelyFormat(source: string): Promise<ExternalFormat> {
  await useOwnImporters();
  const status = statSync(source, { throwIfNoEntry: false });
  return status === undefined ? HUGGING_FACE : formatOf(status, source);
}

async function openDirectory(source: string): Promise<ExternalModel> {
  const checkpoint = await readHuggingFaceDirectory(source);
  const tokenizer = isPublishedEncoderDecoder(checkpoint)
    ? await readEncoderDecoderTokenizer(source, encoderDecoderTokens(checkpoint))
    : await readExternalTokenizer(source, configuredEos(checkpoint));
  return { checkpoint, tokenizer };
}

/** Without the model's configuration, the tokenizer must define its EOS token. */
async function directoryTokenizer(source: string): Promise<TokenizerFiles> {
  const file = join(source, CONFIG_FILE);
  const config = existsSync(file) ? await readJsonFile(file, z.record(z.string(), z.unknown())) : {};
  return readExternalTokenizer(source, configuredEos({ config }));
}

function directoryFiles(source: string): readonly string[] {
  const wanted = [CONFIG_FILE, TOKENIZER_FILE, TOKENIZER_CONFIG_FILE, ...chatTemplateFiles(source)];
  return [...wanted, ...weightFiles(source)].map((file) => join(source, file));
}

/** The file with the chat template in a model's directory, if there is one. */
export const chatTemplateFiles = (directory: string): readonly string[] =>
  existsSync(join(directory, CHAT_TEMPLATE_FILE)) ? [CHAT_TEMPLATE_FILE] : [];

/** The files of a published vision tower, including missing files, so that the error can name them. */
export const towerFiles = (source: string): readonly string[] =>
  [CONFIG_FILE, PREPROCESSOR_FILE, ...weightFiles(source)].map((file) => join(source, file));

function weightFiles(source: string): readonly string[] {
  try {
    return readdirSync(source)
      .filter((file) => file.endsWith(".safetensors") || file.endsWith(".safetensors.index.json"))
      .sort();
  } catch {
    // Not a directory: opening its first file throws an error that names it.
    return [];
  }
}
