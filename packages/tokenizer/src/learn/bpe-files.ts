/**
 * The files of a byte-level BPE tokenizer: it encodes any Unicode text, and decoding restores it exactly.
 *
 *   id 0 [pad]   1 [bos]   2 [eos]   3 [unk]   then the 256 bytes   then merged tokens, the most frequent first
 */
import { BYTE_ALPHABET } from "../text/byte-symbols.js";
import { learnMerges, type LearntMerges } from "./learn-merges.js";
import { PieceCounter } from "./piece-counter.js";
import { rejectEmpty, rejectSpecial, rejectSurrogate } from "../interface/rejections.js";
import { SPECIAL_NAMES, SPECIAL_TOKENS, specialTokenEntries } from "../files/special-tokens.js";
import { SPLIT_PATTERNS, type SpaceRule } from "../text/split-patterns.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";

/** Special tokens and bytes: the smallest byte-level vocabulary. */
export const SMALLEST_BPE_VOCABULARY = SPECIAL_NAMES.length + BYTE_ALPHABET.length;

export interface BpeOptions {
  /** Most entries, including special tokens and bytes. */
  readonly vocabularySize: number;
  /** Smallest count of a pair to merge. */
  readonly minCount: number;
  readonly spaces: SpaceRule;
  readonly sourceLowercase: boolean;
}

/** A source and its target. */
export interface TextPair {
  readonly source: string;
  readonly target: string;
}

/**
 * Trains a byte-level BPE tokenizer on a data set, with one vocabulary for both sides. Reads the rows once, one at a time.
 *
 * @throws SlmError DATA_INVALID without rows, or for a text with a special token or an unpaired surrogate.
 */
export async function trainBpeTokenizer(
  rows: AsyncIterable<TextPair> | Iterable<TextPair>,
  { vocabularySize, minCount, spaces, sourceLowercase }: BpeOptions,
): Promise<TokenizerFiles> {
  const counter = new PieceCounter({ spaces });
  const count = (side: "source" | "target", text: string): void => {
    rejectSpecial(side, text, SPECIAL_NAMES);
    rejectSurrogate(side, text);
    counter.add(text);
  };
  for await (const { source, target } of rows) {
    count("source", sourceLowercase ? source.toLowerCase() : source);
    count("target", target);
  }
  if (counter.counts.size === 0) throw rejectEmpty("source");
  const learnt = learnMerges({ pieces: counter.counts, reserved: SPECIAL_NAMES, vocabularySize, minCount });
  return bpeFiles(learnt, spaces, sourceLowercase);
}

/** Both files for learnt merges. */
export function bpeFiles(
  { tokens, merges }: LearntMerges,
  spaces: SpaceRule,
  sourceLowercase: boolean,
): TokenizerFiles {
  return {
    tokenizer: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: specialTokenEntries(),
      normalizer: null,
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [
          {
            type: "Split",
            pattern: { Regex: SPLIT_PATTERNS[spaces] },
            behavior: "Isolated",
            invert: false,
          },
          { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
        ],
      },
      post_processor: null,
      decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      model: {
        type: "BPE",
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        // Merges as text, the form that all library versions can read; tokens never contain spaces.
        merges: merges.map(([left, right]) => `${left} ${right}`),
      },
    },
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      pad_token: SPECIAL_TOKENS.pad,
      bos_token: SPECIAL_TOKENS.bos,
      eos_token: SPECIAL_TOKENS.eos,
      unk_token: SPECIAL_TOKENS.unknown,
      clean_up_tokenization_spaces: false,
      source: { lowercase: sourceLowercase },
    },
  };
}
