/** Import formats: one row per format. */
import { readFailure } from "@slm/core";
import {
  externalCheckpoint,
  ggufTokenizer,
  readGguf,
  type ExternalCheckpoint,
  readHuggingFaceDirectory,
} from "@slm/checkpoints";
import {
  CHAT_TEMPLATE_FILE,
  completeTokenizer,
  readExternalTokenizer,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { PREPROCESSOR_FILE } from "@slm/vision";
import { existsSync, readdirSync, statSync, type Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";

/** An external model with its tokenizer, as returned by the format's reader. */
export interface ExternalModel {
  readonly checkpoint: ExternalCheckpoint;
  readonly tokenizer: TokenizerFiles;
}

interface ExternalFormat {
  readonly fits: (status: Stats) => boolean;
  /** @throws SlmError naming the file, setting or tensor that is missing, corrupt or not read */
  readonly open: (source: string) => Promise<ExternalModel>;
  /** Files that the model is read from. */
  readonly files: (source: string) => readonly string[];
}

const FORMATS = {
  gguf: { fits: (status) => status.isFile(), open: openGguf, files: (source) => [source] },
  "hugging-face": { fits: (status) => status.isDirectory(), open: openDirectory, files: directoryFiles },
} as const satisfies Readonly<Record<string, ExternalFormat>>;

const formatOf = (status: Stats): ExternalFormat =>
  Object.values<ExternalFormat>(FORMATS).find(({ fits }) => fits(status)) ?? FORMATS["hugging-face"];

/** Opens a model of any supported format. @throws SlmError INPUT_MISSING if nothing is there; else what the format's reader throws */
export async function openExternal(source: string): Promise<ExternalModel> {
  const status = await stat(source).catch((error: unknown) => {
    throw readFailure(error, source, ["slm teacher import hf:org/name -o DIR"]);
  });
  return formatOf(status).open(source);
}

/**
 * The files of an external model. For a source that does not exist, the files of a directory, so that the error names a missing file.
 */
export function externalFiles(source: string): readonly string[] {
  const status = statSync(source, { throwIfNoEntry: false });
  return (status === undefined ? FORMATS["hugging-face"] : formatOf(status)).files(source);
}

async function openGguf(source: string): Promise<ExternalModel> {
  const file = await readGguf(source);
  const checkpoint = await externalCheckpoint(file);
  const { tokenizer, config } = ggufTokenizer(file);
  return { checkpoint, tokenizer: completeTokenizer(tokenizer, config, eosText(checkpoint), source) };
}

async function openDirectory(source: string): Promise<ExternalModel> {
  const checkpoint = await readHuggingFaceDirectory(source);
  return { checkpoint, tokenizer: await readExternalTokenizer(source, eosText(checkpoint)) };
}

/** The EOS token of the model's own configuration, for tokenizers that do not name theirs. */
function eosText({ config }: ExternalCheckpoint): { readonly eos?: number } {
  const eos = config["eos_token_id"];
  const first: unknown = Array.isArray(eos) ? eos[0] : eos;
  return typeof first === "number" ? { eos: first } : {};
}

function directoryFiles(source: string): readonly string[] {
  const wanted = ["config.json", TOKENIZER_FILE, TOKENIZER_CONFIG_FILE, ...chatTemplateFiles(source)];
  return [...wanted, ...weightFiles(source)].map((file) => join(source, file));
}

/** The file with the chat template of a model's directory, where it has one. */
export const chatTemplateFiles = (directory: string): readonly string[] =>
  existsSync(join(directory, CHAT_TEMPLATE_FILE)) ? [CHAT_TEMPLATE_FILE] : [];

/** The files of a published tower, including missing ones, so that the error can name them. */
export const towerFiles = (source: string): readonly string[] =>
  ["config.json", PREPROCESSOR_FILE, ...weightFiles(source)].map((file) => join(source, file));

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
