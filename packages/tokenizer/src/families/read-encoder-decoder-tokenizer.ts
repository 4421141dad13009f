/** Opens the tokenizer of a published encoder-decoder (T5, BART, Marian, NLLB, ...) in a Hugging Face directory. */
import { basename, dirname, join } from "node:path";
import { shellWord, SlmError } from "@slm/core";
import { z } from "zod";
import { isThere, readJson } from "../files/read-json.js";
import { tokenTexts } from "../library/token-texts.js";
import {
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  tokenizerJsonSchema,
  type TokenizerFiles,
  type TokenizerJson,
} from "../files/tokenizer-files.js";
import { aroundByProcessor, type Around } from "./around.js";
import { assembleTokenizer, type EncoderDecoderTokens } from "./assemble-tokenizer.js";
import { familyConfigSchema, type FamilyConfig } from "./external-config.js";
import { familyOf, type Family, type FamilyFiles, type NamedTokens } from "./family-table.js";
import { marianVocabulary } from "./piece-vocabularies.js";
import { readVocabulary } from "./read-vocabulary.js";

/**
 * Reads the tokenizer of a Hugging Face directory. `createTokenizer` runs the result, `writeTokenizer` writes it.
 *
 * Reads `tokenizer.json` if it exists. Otherwise the files depend on the tokenizer class: the SentencePiece model (`spiece.model`,
 * `sentencepiece.bpe.model`, `tokenizer.model`), with `vocab.json` for M2M100; `source.spm`, `target.spm` and `vocab.json` for Marian;
 * `vocab.json` and `merges.txt` for BART. Ids are the same as in transformers 4.57.
 *
 * @throws SlmError INPUT_MISSING without these files, DATA_INVALID for invalid ones, OP_UNSUPPORTED for an unknown tokenizer class,
 * CONFIG_INVALID for a language that the model lacks.
 */
export async function readEncoderDecoderTokenizer(
  directory: string,
  tokens: EncoderDecoderTokens,
): Promise<TokenizerFiles> {
  const configPath = join(directory, TOKENIZER_CONFIG_FILE);
  const config = (await isThere(configPath)) ? await readJson(configPath, familyConfigSchema) : {};
  const family = familyOf(config.tokenizer_class ?? tokens.tokenizerClass, tokens.modelType);
  const jsonPath = join(directory, TOKENIZER_FILE);
  if (await isThere(jsonPath)) {
    const tokenizer = await readJson(jsonPath, tokenizerJsonSchema);
    const names = namedTokens(config, family, tokenizer, tokens, directory);
    const around =
      family?.isMultilingual === true ? family.around(config, names) : processorOf(tokenizer, jsonPath);
    return assembleTokenizer({ tokenizer }, around, names, config, tokens);
  }
  if (family === undefined) throw unknownClass(directory, config, tokens);
  const names = namedTokens(config, family, undefined, tokens, directory);
  const around = family.around(config, names);
  const vocabulary = await readVocabulary(family.files, { directory, config, names, around }).catch(
    (error: unknown) => {
      if (error instanceof SlmError && error.code === "INPUT_MISSING")
        throw withoutTokenizer(directory, family.files, error);
      throw error;
    },
  );
  const languages = vocabulary.languages ?? around.languages;
  return assembleTokenizer(
    vocabulary,
    languages === undefined ? around : { ...around, languages },
    names,
    config,
    tokens,
  );
}

/**
 * The tokenizer of a model in Marian's own format: one SentencePiece model for source and target. Texts end with EOS.
 *
 * @param vocabulary number of tokens of the model, including the decoder's start token
 * @throws SlmError INPUT_MISSING without the file, DATA_INVALID if it does not have the expected pieces
 */
export async function readMarianTokenizer(file: string, vocabulary: number): Promise<TokenizerFiles> {
  const names: NamedTokens = { pad: "<pad>", eos: "</s>", unknown: "<unk>", masks: [] };
  const around: Around = { prefix: [], suffix: [names.eos] };
  const files = { kind: "pieces", names: [basename(file)], ids: marianVocabulary } as const;
  const read = await readVocabulary(files, { directory: dirname(file), config: {}, names, around });
  const made = assembleTokenizer(
    read,
    around,
    names,
    {},
    { modelType: "marian", decoderStart: vocabulary - 1 },
  );
  const texts = tokenTexts(made);
  if (texts.length === vocabulary && texts[0] === names.eos && texts[1] === names.unknown) return made;
  throw new SlmError(
    "DATA_INVALID",
    `tokenizer: ${file} has ${texts.length - 1} pieces, the first two ${texts.slice(0, 2).join(" ")}; the model needs ${vocabulary - 1}, the first two </s> <unk>`,
  );
}

function processorOf(tokenizer: TokenizerJson, path: string): Around {
  try {
    return aroundByProcessor(tokenizer.post_processor);
  } catch (cause) {
    if (!(cause instanceof z.ZodError)) throw cause;
    throw new SlmError("DATA_INVALID", `tokenizer: ${path}: the post_processor is invalid`, { cause });
  }
}

function unknownClass(directory: string, config: FamilyConfig, tokens: EncoderDecoderTokens): SlmError {
  const name = config.tokenizer_class ?? tokens.tokenizerClass ?? "none";
  return new SlmError(
    "OP_UNSUPPORTED",
    `tokenizer: ${directory} has no tokenizer.json, and slm cannot read the other files of class '${name}' (model type '${tokens.modelType}')`,
    {
      context: { directory, tokenizerClass: name, modelType: tokens.modelType },
      suggestions: [
        "save tokenizer.json with transformers: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)",
      ],
    },
  );
}

/** Texts of the special tokens: from the configuration, otherwise by the model's ids, otherwise from the class. */
function namedTokens(
  config: FamilyConfig,
  family: Family | undefined,
  tokenizer: TokenizerJson | undefined,
  tokens: EncoderDecoderTokens,
  directory: string,
): NamedTokens {
  const texts = tokenizer === undefined ? [] : tokenTexts({ tokenizer });
  const byId = (id: number | undefined): string | undefined => (id === undefined ? undefined : texts[id]);
  const known = new Set(texts);
  const ofClass = (text: string | undefined): string | undefined =>
    tokenizer === undefined || (text !== undefined && known.has(text)) ? text : undefined;
  const defaults = family?.defaults;
  const eos = config.eos_token ?? byId(tokens.eos) ?? ofClass(defaults?.eos);
  if (eos === undefined) {
    throw new SlmError(
      "DATA_INVALID",
      `tokenizer: ${directory}: there is no eos_token, so generation would never end`,
    );
  }
  const pad = config.pad_token ?? byId(tokens.pad) ?? ofClass(defaults?.pad) ?? eos;
  const masks = [config.mask_token_sent, config.mask_token].filter(
    (mask) => mask !== undefined && mask !== null,
  );
  return {
    pad,
    bos: config.bos_token ?? ofClass(defaults?.bos),
    eos,
    unknown: config.unk_token ?? ofClass(defaults?.unknown) ?? pad,
    masks: masks.length > 0 ? masks : (defaults?.masks ?? []),
  };
}

/** Files that a tokenizer is read from if there is no tokenizer.json. */
function filesOf(files: FamilyFiles): string {
  switch (files.kind) {
    case "pieces":
      return files.names.join(" or ");
    case "dictionary":
      return `${files.names.join(" or ")} and vocab.json`;
    case "pair":
      return "source.spm, target.spm and vocab.json";
    case "bytes":
      return "vocab.json and merges.txt";
  }
}

function withoutTokenizer(directory: string, files: FamilyFiles, cause: SlmError): SlmError {
  return new SlmError(
    "INPUT_MISSING",
    `tokenizer: ${directory} has no complete tokenizer: expected ${TOKENIZER_FILE}, or ${filesOf(files)}`,
    {
      context: { directory },
      suggestions: [
        `copy the tokenizer's files from the repository of the model into ${shellWord(directory)}`,
        "slm import ORG/NAME -o DIR fetches every file that a model needs",
      ],
      cause,
    },
  );
}
