/**
 * `tokenizer.json` of WordPiece (`tokenizer.ggml.model` = bert): a word is split greedily into the longest pieces, left to right.
 *
 * Files mark the beginning of a word (`▁word`), while BERT's own vocabulary marks its continuation (`##ing`). The pieces are kept unchanged: each
 * word gets the prefix `▁`, and the continuation prefix is empty. Source: llama.cpp, `llm_tokenizer_wpm_session`; tokenizers, `BertNormalizer` and
 * `BertPreTokenizer`.
 */
import type { GgufFile } from "../file/gguf-file.js";
import { isolated, replaced, SPACE } from "./components.js";
import type { TokenizerParts } from "./tokenizer-parts.js";
import { unsupported } from "./unsupported.js";
import { flag, type Vocabulary } from "./vocabulary.js";

/** Longer words are unknown. Source: BERT, `WordpieceTokenizer`. [characters] */
const LONGEST_WORD = 100;

/** Ideographs outside the Basic Multilingual Plane; each is a word. */
const LATER_IDEOGRAPHS = `[${[
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b81f],
  [0x2b820, 0x2ceaf],
  [0x2f800, 0x2fa1f],
]
  .map((range) => range.map((code) => String.fromCodePoint(code)).join("-"))
  .join("")}]`;

/** @throws SlmError OP_UNSUPPORTED for a vocabulary without an unknown token */
export function wordPieceParts(source: GgufFile, { idOf, special }: Vocabulary): TokenizerParts {
  const unknown = special.unk_token;
  if (unknown === undefined) throw unsupported(source.file, "WordPiece without an unknown token");
  const lowercase = flag(source, "normalizer.lowercase", true);
  return {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: flag(source, "normalizer.strip_accents", lowercase),
      lowercase,
    },
    preTokenizer: {
      type: "Sequence",
      pretokenizers: [
        isolated(LATER_IDEOGRAPHS),
        { type: "BertPreTokenizer" },
        { type: "Metaspace", replacement: SPACE, prepend_scheme: "always", split: false },
      ],
    },
    decoder: {
      type: "Sequence",
      decoders: [replaced(SPACE, " "), { type: "Fuse" }, { type: "Strip", content: " ", start: 1, stop: 0 }],
    },
    model: {
      type: "WordPiece",
      unk_token: unknown,
      continuing_subword_prefix: "",
      max_input_chars_per_word: LONGEST_WORD,
      vocab: Object.fromEntries(idOf),
    },
    addsBos: "always",
    addsEos: "always",
    keepsUnknown: true,
    cleansSpaces: true,
  };
}
