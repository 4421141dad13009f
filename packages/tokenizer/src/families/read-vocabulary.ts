/** Reads a directory without `tokenizer.json`: SentencePiece models, vocabularies, merges. */
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { z } from "zod";
import { isThere, readBytes, readJson, readText } from "../files/read-json.js";
import { readSentencePieceModel, type SentencePieceModel } from "../sentencepiece/model-proto.js";
import {
  tokenizerJsonSchema,
  type TokenizerConfigJson,
  type TokenizerJson,
} from "../files/tokenizer-files.js";
import { base64Text } from "../text/utf8.js";
import { specialToken, type AddedToken } from "./added-token.js";
import type { Around } from "./around.js";
import type { FamilyConfig } from "./external-config.js";
import type { FamilyFiles, NamedTokens } from "./family-table.js";
import { dictionaryVocabulary, type PieceVocabulary } from "./piece-vocabularies.js";
import { sentencePieceJson } from "./sentence-piece-json.js";

/** The files of a directory in slm's own format. */
export interface ReadVocabulary {
  readonly tokenizer: TokenizerJson;
  readonly sentencepiece?: TokenizerConfigJson["sentencepiece"];
  /** Ids of targets, if they differ. */
  readonly targetVocab?: Readonly<Record<string, number>> | undefined;
  /** Languages that the vocabulary names. */
  readonly languages?: Around["languages"] | undefined;
}

export interface VocabularyRequest {
  readonly directory: string;
  readonly config: FamilyConfig;
  readonly names: NamedTokens;
  readonly around: Around;
}

type Read<Kind extends FamilyFiles["kind"]> = (
  files: Extract<FamilyFiles, { kind: Kind }>,
  request: VocabularyRequest,
) => Promise<ReadVocabulary>;

const READERS: { readonly [Kind in FamilyFiles["kind"]]: Read<Kind> } = {
  async pieces(files, request) {
    const { model, text } = await readModel(request.directory, files.names);
    const vocabulary = files.ids(model, request.config, request.names);
    const one_prefix = request.config.legacy === false ? true : undefined;
    return withModel(model, vocabulary, { source: text, one_prefix }, request);
  },

  async dictionary(files, request) {
    const { model, text } = await readModel(request.directory, files.names);
    const special = specialOf(request.names);
    const vocabulary = dictionaryVocabulary(
      await readDictionary(join(request.directory, "vocab.json")),
      special,
      files.languages(request.config),
    );
    return withModel(model, vocabulary, { source: text }, request);
  },

  async pair(_, request) {
    const { directory, config, names } = request;
    const source = await readModel(directory, ["source.spm"]);
    const target = await readModel(directory, ["target.spm"]);
    const dictionary = await readDictionary(join(directory, "vocab.json"));
    const vocabulary = dictionaryVocabulary(dictionary, specialOf(names), []);
    const settings = { source: source.text, target: target.text, leading_code: true };
    const isSeparate = config.separate_vocabs === true;
    return {
      ...withModel(source.model, vocabulary, settings, request),
      targetVocab: isSeparate
        ? Object.fromEntries(await readDictionary(join(directory, "target_vocab.json")))
        : undefined,
      languages: isSeparate ? undefined : codesOf(dictionary),
    };
  },

  async bytes(_, { directory, names, around }) {
    const vocab = await readDictionary(join(directory, "vocab.json"));
    const merges = (await readText(join(directory, "merges.txt")))
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#version"));
    const { added } = dictionaryVocabulary(vocab, specialOf(names), []);
    const masks = names.masks.flatMap((mask) => {
      const id = vocab.get(mask);
      return id === undefined ? [] : [specialToken(id, mask, { lstrip: true })];
    });
    return { tokenizer: bytePairs(vocab, merges, [...added, ...masks], around, names) };
  },
};

/** @throws SlmError INPUT_MISSING without the files, DATA_INVALID for invalid ones, OP_UNSUPPORTED for another kind of model */
export function readVocabulary(files: FamilyFiles, request: VocabularyRequest): Promise<ReadVocabulary> {
  const read = READERS[files.kind] as Read<FamilyFiles["kind"]>;
  return read(files, request);
}

async function readModel(
  directory: string,
  names: readonly string[],
): Promise<{ readonly model: SentencePieceModel; readonly text: string }> {
  for (const name of names) {
    const path = join(directory, name);
    if (!(await isThere(path))) continue;
    const bytes = await readBytes(path);
    return { model: readSentencePieceModel(bytes, path), text: base64Text(bytes) };
  }
  throw new SlmError(
    "INPUT_MISSING",
    `tokenizer: ${directory} has neither tokenizer.json nor ${names.join(" or ")}`,
    { context: { directory, expected: ["tokenizer.json", ...names] } },
  );
}

const dictionarySchema = z.record(z.string(), z.int().min(0).max(4_000_000));

async function readDictionary(path: string): Promise<ReadonlyMap<string, number>> {
  return new Map(Object.entries(await readJson(path, dictionarySchema)));
}

const specialOf = ({ pad, bos, eos, unknown }: NamedTokens): readonly string[] => [
  ...new Set([...(bos === undefined ? [] : [bos]), pad, eos, unknown]),
];

/** The files of a SentencePiece model with known ids. */
export function withModel(
  model: SentencePieceModel,
  vocabulary: PieceVocabulary,
  sentencepiece: NonNullable<TokenizerConfigJson["sentencepiece"]>,
  { names, around }: Pick<VocabularyRequest, "names" | "around">,
): ReadVocabulary {
  const { prefix, suffix } = around;
  return {
    tokenizer: sentencePieceJson({ model, vocabulary, unknown: names.unknown, prefix, suffix }),
    sentencepiece,
  };
}

/** Marian's target language codes: `>>fra<<`. */
function codesOf(dictionary: ReadonlyMap<string, number>): Around["languages"] {
  const tokens = Object.fromEntries(
    [...dictionary.keys()]
      .filter((token) => /^>>.+<<$/u.test(token))
      .map((token) => [token.slice(2, -2), token]),
  );
  if (Object.keys(tokens).length === 0) return undefined;
  return { tokens, place: "before", begins: "source", source: undefined };
}

/** `tokenizer.json` for a byte-level BPE. Source: transformers 4.57, `convert_slow_tokenizer.py` (`RobertaConverter`). */
function bytePairs(
  vocab: ReadonlyMap<string, number>,
  merges: readonly string[],
  added: readonly AddedToken[],
  { prefix, suffix }: Around,
  { unknown }: NamedTokens,
): TokenizerJson {
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const [cls, sep] = [prefix[0], suffix[0]];
  return tokenizerJsonSchema.parse({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [...added].sort((left, right) => left.id - right.id),
    normalizer: null,
    pre_tokenizer: bytes,
    post_processor:
      cls === undefined || sep === undefined
        ? null
        : {
            type: "RobertaProcessing",
            cls: [cls, vocab.get(cls)],
            sep: [sep, vocab.get(sep)],
            trim_offsets: true,
            add_prefix_space: false,
          },
    decoder: bytes,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknown,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  });
}
