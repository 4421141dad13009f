/** Small vocabularies of each kind with llama.cpp's ids, from packages/extension-gguf/fixtures/llama-cpp/tokenizers.mjs. */
import { readFileSync } from "node:fs";
import { completeTokenizer, createTokenizer, type Tokenizer, type TokenizerJson } from "@slm/tokenizer";
import type { GgufFile } from "../file/gguf-file.js";
import type { MetadataValue } from "../file/metadata.js";
import { ggufTokenizer } from "../tokenizer/gguf-tokenizer.js";

interface Tokens {
  readonly tokens: readonly string[];
  readonly types: readonly number[];
}

interface Merged extends Tokens {
  readonly merges: readonly string[];
  /** Ids of every text, stored once for all names with equal ids. */
  readonly ids: readonly {
    readonly names: readonly string[];
    readonly ids: readonly (readonly number[])[];
  }[];
}

type ByFlag = Readonly<Record<"true" | "false", readonly (readonly number[])[]>>;

interface Fixture {
  readonly texts: readonly string[];
  /** Names in slm's table that the fixture's version of llama.cpp does not know. */
  readonly lacking: readonly string[];
  readonly bytes: Merged;
  readonly pieces: Merged;
  readonly words: Merged;
  readonly scored: Tokens & { readonly scores: readonly number[]; readonly ids: ByFlag };
  readonly wordPiece: Tokens & { readonly ids: ByFlag };
  /** `map` is a compiled character map in base64. */
  readonly unigram: Tokens & {
    readonly scores: readonly number[];
    readonly map: string;
    readonly ids: ByFlag;
  };
}

export const FIXTURE = JSON.parse(
  readFileSync(new URL("../../fixtures/tokenizers.json", import.meta.url), "utf8"),
) as Fixture;

export type Over = Readonly<Record<string, MetadataValue | undefined>>;

/** A file with these values under `tokenizer.ggml`, or under their whole key if the key contains a dot. */
export const vocabularyFile = (metadata: Over): GgufFile => ({
  file: "model.gguf",
  version: 3,
  metadata: new Map(
    Object.entries(metadata).flatMap(([key, value]) =>
      value === undefined
        ? []
        : [[/^(general|tokenizer)\./.test(key) ? key : `tokenizer.ggml.${key}`, value] as const],
    ),
  ),
  tensors: [],
});

const of = ({ tokens, types }: Tokens): Over => ({ tokens, token_type: Int32Array.from(types) });
const ids = { bos_token_id: 1, eos_token_id: 2, unknown_token_id: 0 };

/** A vocabulary of each kind; `over` replaces values, `undefined` removes one. */
export const VOCABULARIES = {
  bytes: (over: Over = {}): GgufFile =>
    vocabularyFile({
      model: "gpt2",
      pre: "gpt-2",
      merges: FIXTURE.bytes.merges,
      padding_token_id: 3,
      ...of(FIXTURE.bytes),
      ...ids,
      ...over,
    }),
  pieces: (over: Over = {}): GgufFile =>
    vocabularyFile({
      model: "gpt2",
      pre: "gemma4",
      merges: FIXTURE.pieces.merges,
      ...of(FIXTURE.pieces),
      ...ids,
      ...over,
    }),
  words: (over: Over = {}): GgufFile =>
    vocabularyFile({
      model: "whitespace",
      pre: "whitespace",
      merges: FIXTURE.words.merges,
      ...of(FIXTURE.words),
      ...ids,
      ...over,
    }),
  scored: (over: Over = {}): GgufFile =>
    vocabularyFile({
      model: "llama",
      scores: Float32Array.from(FIXTURE.scored.scores),
      padding_token_id: 2,
      ...of(FIXTURE.scored),
      ...ids,
      ...over,
    }),
  wordPiece: (over: Over = {}): GgufFile =>
    vocabularyFile({
      model: "bert",
      unknown_token_id: 1,
      cls_token_id: 2,
      seperator_token_id: 3,
      padding_token_id: 0,
      ...of(FIXTURE.wordPiece),
      ...over,
    }),
  unigram: (over: Over = {}): GgufFile =>
    vocabularyFile({
      model: "t5",
      scores: Float32Array.from(FIXTURE.unigram.scores),
      add_space_prefix: true,
      precompiled_charsmap: Uint8Array.from(Buffer.from(FIXTURE.unigram.map, "base64")),
      ...of(FIXTURE.unigram),
      ...over,
    }),
};

/** The tokenizer of a file, loaded from the files that the command line writes. */
export function running(source: GgufFile): Tokenizer {
  const { tokenizer, config } = ggufTokenizer(source);
  const { tokenizer: written, config: completed } = completeTokenizer(tokenizer, config, {}, source.file);
  const reread = JSON.parse(JSON.stringify(written)) as TokenizerJson;
  return createTokenizer({ tokenizer: reread, config: completed });
}
