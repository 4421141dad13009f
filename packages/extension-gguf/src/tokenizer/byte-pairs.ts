/**
 * `tokenizer.json` of byte pair encoding with the file's merges (`tokenizer.ggml.model` = gpt2, gemma4, whitespace); the
 * pre-tokenizer comes from the table in `pre-tokenizers.ts`.
 */
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import { shownName } from "@slm/checkpoints";
import { BYTES, isolated, piecesDecoder, removed, replaced, SPACE, type Component } from "./components.js";
import { DEFAULT_PRE_TOKENIZER, PRE_TOKENIZERS, type PreTokenizer } from "./pre-tokenizers.js";
import type { TokenizerParts } from "./tokenizer-parts.js";
import { byteTokens, flag, texts, type Vocabulary } from "./vocabulary.js";

/** @throws SlmError DATA_INVALID for an unknown pre-tokenizer or merges that do not fit the vocabulary */
export function bytePairParts(source: GgufFile, vocabulary: Vocabulary): TokenizerParts {
  return partsOf(source, vocabulary, cutterOf(source));
}

/** Like {@link bytePairParts}, for models whose kind determines the pre-tokenizer. */
export function gemma4Parts(source: GgufFile, vocabulary: Vocabulary): TokenizerParts {
  return partsOf(source, vocabulary, PRE_TOKENIZERS["gemma4"]!);
}

function cutterOf({ file, metadata }: GgufFile): PreTokenizer {
  const name = metadata.get("tokenizer.ggml.pre") ?? DEFAULT_PRE_TOKENIZER;
  if (typeof name === "string" && Object.hasOwn(PRE_TOKENIZERS, name)) return PRE_TOKENIZERS[name]!;
  const known = Object.keys(PRE_TOKENIZERS).sort().join(", ");
  throw invalid(file, `tokenizer.ggml.pre is '${shownName(String(name))}', expected ${known}`);
}

function partsOf(source: GgufFile, vocabulary: Vocabulary, cutter: PreTokenizer): TokenizerParts {
  const spelling = SPELLINGS[cutter.spelling](source, cutter);
  const hasBytes = cutter.spelling !== "bytes" && byteTokens(source, vocabulary);
  return {
    ...spelling,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: hasBytes,
      ignore_merges: cutter.ignoreMerges,
      vocab: Object.fromEntries(vocabulary.idOf),
      merges: checkedMerges(source, vocabulary),
    },
    addsBos: cutter.addsBos,
    addsEos: false,
  };
}

type Spelling = Pick<TokenizerParts, "normalizer" | "preTokenizer" | "decoder">;

const sequence = (pretokenizers: readonly Component[]): Component => ({ type: "Sequence", pretokenizers });

const SPELLINGS: Readonly<
  Record<PreTokenizer["spelling"], (source: GgufFile, cutter: PreTokenizer) => Spelling>
> = {
  bytes: (_, { patterns, isNfc }) => ({
    normalizer: isNfc ? { type: "NFC" } : null,
    preTokenizer: sequence([...patterns.map(isolated), BYTES]),
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  }),
  pieces: (_, { patterns }) => ({
    normalizer: replaced(" ", SPACE),
    preTokenizer: sequence(patterns.map(isolated)),
    decoder: piecesDecoder(false),
  }),
  words: (source, { patterns }) => ({
    normalizer: flag(source, "normalizer.lowercase", false) ? { type: "Lowercase" } : null,
    preTokenizer: sequence(patterns.map(removed)),
    decoder: { type: "Fuse" },
  }),
};

function checkedMerges(source: GgufFile, { idOf }: Vocabulary): (readonly [string, string])[] {
  // The first occurrence of a repeated merge wins.
  return [...new Set(texts(source, "merges"))].map((merge, index) => {
    // A merge may start with a space that belongs to its first token.
    const space = merge.indexOf(" ", 1);
    const [left, right] = [merge.slice(0, space), merge.slice(space + 1)];
    if (space < 0 || [left, right, left + right].some((part) => !idOf.has(part))) {
      throw invalid(source.file, `merge ${index} '${shownName(merge)}' does not join two tokens to a third`);
    }
    return [left, right] as const;
  });
}
