/**
 * `tokenizer.json` of a Unigram model (`tokenizer.ggml.model` = t5): the segmentation of a text with the best sum of scores.
 *
 * Source: llama.cpp, `llm_tokenizer_ugm_session` (spaces, the character map).
 */
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import { piecesDecoder, replaced, SPACE, type Component } from "./components.js";
import type { TokenizerParts } from "./tokenizer-parts.js";
import { unsupported } from "./unsupported.js";
import { flag, scoresOf, type Vocabulary } from "./vocabulary.js";

const matched = (pattern: string, content: string): Component => ({
  type: "Replace",
  pattern: { Regex: pattern },
  content,
});

/** @throws SlmError OP_UNSUPPORTED for a vocabulary without an unknown token */
export function unigramParts(source: GgufFile, vocabulary: Vocabulary): TokenizerParts {
  const { tokens, idOf, special } = vocabulary;
  const unknown = special.unk_token;
  if (unknown === undefined) throw unsupported(source.file, "Unigram without an unknown token");
  const joinsSpaces = flag(source, "remove_extra_whitespaces", false);
  const addsPrefix = joinsSpaces || flag(source, "add_space_prefix", false);
  const scores = scoresOf(source, vocabulary);
  return {
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...characterMap(source),
        ...(joinsSpaces ? [matched("\\A +| +\\z", ""), matched(" {2,}", " ")] : []),
        // An empty text gets no prefix.
        ...(addsPrefix ? [matched("\\A(?=[\\s\\S])", SPACE)] : []),
        replaced(" ", SPACE),
      ],
    },
    preTokenizer: null,
    decoder: piecesDecoder(addsPrefix),
    model: {
      type: "Unigram",
      unk_id: idOf.get(unknown)!,
      byte_fallback: false,
      vocab: tokens.map((token, id) => [token, scores[id]!] as const),
    },
    addsBos: false,
    addsEos: true,
    keepsUnknown: true,
  };
}

function characterMap(source: GgufFile): readonly Component[] {
  const bytes = characterMapBytes(source);
  if (bytes.length === 0) return [];
  const map = Buffer.from(bytes).toString("base64");
  return [{ type: "Precompiled", precompiled_charsmap: map, match: "longest" }];
}

/** SentencePiece's compiled character map; empty for none. @throws SlmError DATA_INVALID if it does not consist of bytes */
export function characterMapBytes({ file, metadata }: GgufFile): Uint8Array {
  const bytes = metadata.get("tokenizer.ggml.precompiled_charsmap");
  if (bytes === undefined) return new Uint8Array();
  if (!(bytes instanceof Uint8Array || bytes instanceof Int8Array)) {
    throw invalid(file, "tokenizer.ggml.precompiled_charsmap is not a list of bytes");
  }
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
