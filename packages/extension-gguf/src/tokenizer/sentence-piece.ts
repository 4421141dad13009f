/**
 * `tokenizer.json` of a SentencePiece BPE (`tokenizer.ggml.model` = llama): merges follow from the scores.
 *
 * SentencePiece joins the neighbours whose joined piece has the best score. Merges ranked by the score of their result
 * are equivalent. Source: transformers, `convert_slow_tokenizer.py` (`generate_merges`).
 */
import type { GgufFile } from "../file/gguf-file.js";
import { piecesDecoder, replaced, SPACE } from "./components.js";
import type { TokenizerParts } from "./tokenizer-parts.js";
import { unsupported } from "./unsupported.js";
import { byteTokens, flag, scoresOf, type Vocabulary } from "./vocabulary.js";

/**
 * @throws SlmError DATA_INVALID for invalid scores or an incomplete set of byte tokens; OP_UNSUPPORTED for a
 * vocabulary with neither byte tokens nor an unknown token
 */
export function sentencePieceParts(source: GgufFile, vocabulary: Vocabulary): TokenizerParts {
  const addsPrefix = flag(source, "add_space_prefix", true);
  const hasBytes = byteTokens(source, vocabulary);
  const unknown = vocabulary.special.unk_token;
  if (unknown === undefined && !hasBytes) {
    throw unsupported(
      source.file,
      "a vocabulary with neither an unknown token nor byte tokens: characters outside it would be lost",
    );
  }
  const replace = replaced(" ", SPACE);
  return {
    normalizer: addsPrefix
      ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: SPACE }, replace] }
      : replace,
    preTokenizer: null,
    decoder: piecesDecoder(addsPrefix),
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknown ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: hasBytes,
      ignore_merges: false,
      vocab: Object.fromEntries(vocabulary.idOf),
      merges: rankedMerges(scoresOf(source, vocabulary), vocabulary),
    },
    addsBos: true,
    addsEos: false,
  };
}

/** All pairs of tokens that join to a third, the third's best score first, then by the two ids. */
function rankedMerges(
  scores: Float32Array,
  { tokens, types, idOf }: Vocabulary,
): (readonly [string, string])[] {
  const found: { readonly score: number; readonly left: number; readonly right: number }[] = [];
  for (const [id, token] of tokens.entries()) {
    if (types[id] !== "normal" && types[id] !== "user" && types[id] !== "unused") continue;
    for (let at = 1; at < token.length; at += 1) {
      const left = idOf.get(token.slice(0, at));
      const right = left === undefined ? undefined : idOf.get(token.slice(at));
      if (left !== undefined && right !== undefined) found.push({ score: scores[id]!, left, right });
    }
  }
  return found
    .sort((a, b) => b.score - a.score || a.left - b.left || a.right - b.right)
    .map(({ left, right }) => [tokens[left]!, tokens[right]!] as const);
}
