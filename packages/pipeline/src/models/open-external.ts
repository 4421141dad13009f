/** Import formats: one row per format. */
import { readFailure, readJsonFile } from "@slm/core";
import {
  CONFIG_FILE,
  extendedShortlist,
  externalCheckpoint,
  ggufPieceTokenizer,
  ggufTokenizer,
  importedConfig,
  importedGeneration,
  isMarianDirectory,
  isPublishedEncoderDecoder,
  marianFiles,
  readGguf,
  readMarianModel,
  readMarianShortlist,
  withSourceTokens,
  type ExternalCheckpoint,
  readHuggingFaceDirectory,
} from "@slm/checkpoints";
import {
  CHAT_TEMPLATE_FILE,
  completeTokenizer,
  readEncoderDecoderTokenizer,
  readMarianTokenizer,
  type EncoderDecoderTokens,
  readExternalTokenizer,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { parseGenerationSettings, type LexicalShortlist } from "@slm/generation";
import { PREPROCESSOR_FILE } from "@slm/vision";
import { existsSync, readdirSync, statSync, type Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

/** An external model with its tokenizer, as returned by the format's reader. */
export interface ExternalModel {
  readonly checkpoint: ExternalCheckpoint;
  readonly tokenizer: TokenizerFiles;
  /** Tokens of the target by tokens of the source, of models that are decoded with such a list. */
  readonly shortlist?: LexicalShortlist | undefined;
}

interface ExternalFormat {
  readonly fits: (status: Stats, source: string) => boolean;
  /** @throws SlmError naming the file, setting or tensor that is missing, corrupt or not read */
  readonly open: (source: string) => Promise<ExternalModel>;
  /** @throws SlmError as `open`; weights are not needed */
  readonly tokenizer: (source: string) => Promise<TokenizerFiles>;
  /** Files that the model is read from. */
  readonly files: (source: string) => readonly string[];
  /** Files that its tokenizer is read from. */
  readonly tokenizerFiles: (source: string) => readonly string[];
}

const FORMATS = {
  gguf: {
    fits: (status) => status.isFile(),
    open: openGguf,
    tokenizer: async (source) => (await openGguf(source)).tokenizer,
    files: (source) => [source],
    tokenizerFiles: (source) => [source],
  },
  marian: {
    fits: (status, source) => status.isDirectory() && isMarianDirectory(source),
    open: openMarian,
    tokenizer: async (source) => (await openMarian(source)).tokenizer,
    files: marianPaths,
    tokenizerFiles: marianPaths,
  },
  "hugging-face": {
    fits: (status) => status.isDirectory(),
    open: openDirectory,
    tokenizer: directoryTokenizer,
    files: directoryFiles,
    tokenizerFiles: (source) => [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE].map((file) => join(source, file)),
  },
} as const satisfies Readonly<Record<string, ExternalFormat>>;

const formatOf = (status: Stats, source: string): ExternalFormat =>
  Object.values<ExternalFormat>(FORMATS).find(({ fits }) => fits(status, source)) ?? FORMATS["hugging-face"];

/** Opens a model of any supported format. @throws SlmError INPUT_MISSING if nothing is there; else what the format's reader throws */
export async function openExternal(source: string): Promise<ExternalModel> {
  return (await existingFormat(source)).open(source);
}

/** The tokenizer of a model of any supported format. @throws SlmError as {@link openExternal} */
export async function openExternalTokenizer(source: string): Promise<TokenizerFiles> {
  return (await existingFormat(source)).tokenizer(source);
}

async function existingFormat(source: string): Promise<ExternalFormat> {
  const status = await stat(source).catch((error: unknown) => {
    throw readFailure(error, source, ["slm teacher import hf:org/name -o DIR"]);
  });
  return formatOf(status, source);
}

/**
 * The files of an external model. For a source that does not exist, the files of a directory, so that the error names a missing file.
 */
export function externalFiles(source: string): readonly string[] {
  return likelyFormat(source).files(source);
}

/** As {@link externalFiles}, those of the tokenizer. */
export function externalTokenizerFiles(source: string): readonly string[] {
  return likelyFormat(source).tokenizerFiles(source);
}

function likelyFormat(source: string): ExternalFormat {
  const status = statSync(source, { throwIfNoEntry: false });
  return status === undefined ? FORMATS["hugging-face"] : formatOf(status, source);
}

async function openGguf(source: string): Promise<ExternalModel> {
  const file = await readGguf(source);
  const checkpoint = await externalCheckpoint(file);
  if (isPublishedEncoderDecoder(checkpoint))
    return { checkpoint, tokenizer: ggufPieceTokenizer(file, tokensOf(checkpoint)) };
  const { tokenizer, config } = ggufTokenizer(file);
  return { checkpoint, tokenizer: completeTokenizer(tokenizer, config, eosText(checkpoint), source) };
}

/** A model in Marian's own format, as Firefox translates with. */
async function openMarian(source: string): Promise<ExternalModel> {
  const files = await marianFiles(source);
  const checkpoint = await readMarianModel(files);
  const { vocabularySize } = importedConfig(checkpoint);
  const tokenizer = await readMarianTokenizer(files.vocabulary, vocabularySize);
  // The decoder's start token is not among Marian's; its decoder may copy tokens of the source, as vocabularies are shared.
  const list =
    files.shortlist === undefined
      ? undefined
      : await readMarianShortlist(files.shortlist, vocabularySize - 1);
  return {
    checkpoint,
    tokenizer,
    shortlist: list && extendedShortlist(withSourceTokens(list), vocabularySize),
  };
}

/** Every file of the directory: which of them the model is read from, its settings say. */
function marianPaths(source: string): readonly string[] {
  return readdirSync(source, { withFileTypes: true })
    .flatMap((entry) => (entry.isFile() ? [join(source, entry.name)] : []))
    .sort();
}

async function openDirectory(source: string): Promise<ExternalModel> {
  const checkpoint = await readHuggingFaceDirectory(source);
  const tokenizer = isPublishedEncoderDecoder(checkpoint)
    ? await readEncoderDecoderTokenizer(source, tokensOf(checkpoint))
    : await readExternalTokenizer(source, eosText(checkpoint));
  return { checkpoint, tokenizer };
}

/** Without the model's configuration the tokenizer must name its own EOS token. */
async function directoryTokenizer(source: string): Promise<TokenizerFiles> {
  const file = join(source, CONFIG_FILE);
  const config = existsSync(file) ? await readJsonFile(file, z.record(z.string(), z.unknown())) : {};
  return readExternalTokenizer(source, eosText({ config }));
}

/** What an encoder-decoder's files say about tokens, for its tokenizer. */
function tokensOf(checkpoint: ExternalCheckpoint): EncoderDecoderTokens {
  const { config, where } = checkpoint;
  const { tokens } = importedConfig(checkpoint);
  const text = (key: string): string | undefined =>
    typeof config[key] === "string" ? config[key] : undefined;
  const { rules } = parseGenerationSettings(importedGeneration(checkpoint) ?? {}, where);
  return {
    modelType: text("model_type") ?? "",
    tokenizerClass: text("tokenizer_class"),
    decoderStart: tokens.bos,
    forcedBos: rules.forcedFirst,
    eos: tokens.eos,
    pad: tokens.pad,
  };
}

/** The EOS token of the model's own configuration, for tokenizers that do not name theirs. */
function eosText({ config }: Pick<ExternalCheckpoint, "config">): { readonly eos?: number } {
  const eos = config["eos_token_id"];
  const first: unknown = Array.isArray(eos) ? eos[0] : eos;
  return typeof first === "number" ? { eos: first } : {};
}

function directoryFiles(source: string): readonly string[] {
  const wanted = [CONFIG_FILE, TOKENIZER_FILE, TOKENIZER_CONFIG_FILE, ...chatTemplateFiles(source)];
  return [...wanted, ...weightFiles(source)].map((file) => join(source, file));
}

/** The file with the chat template of a model's directory, where it has one. */
export const chatTemplateFiles = (directory: string): readonly string[] =>
  existsSync(join(directory, CHAT_TEMPLATE_FILE)) ? [CHAT_TEMPLATE_FILE] : [];

/** The files of a published tower, including missing ones, so that the error can name them. */
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
