/**
 * `tokenizer.json` of a SentencePiece BPE (`tokenizer.ggml.model` = llama): merges follow from the scores.
 *
 * SentencePiece joins the neighbours whose joined piece has the best score; merges ranked by the score of what they make
 * do the same. Source: transformers, `convert_slow_tokenizer.py` (`generate_merges`).
 */
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import type { Component } from "./pre-tokenizers.js";
import type { TokenizerParts } from "./tokenizer-parts.js";
import { flag, type Vocabulary } from "./vocabulary.js";

/** What stands for a space in pieces. */
const SPACE = "▁";

/** @throws SlmError DATA_INVALID for scores that do not fit, or bytes of which some are missing */
export function sentencePieceParts(source: GgufFile, vocabulary: Vocabulary): TokenizerParts {
  const unknown = vocabulary.types.indexOf("unknown");
  if (unknown < 0) throw invalid(source.file, "no token has type 2, the unknown one");
  const addsPrefix = flag(source, "add_space_prefix", true);
  const replace: Component = { type: "Replace", pattern: { String: " " }, content: SPACE };
  return {
    normalizer: addsPrefix
      ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: SPACE }, replace] }
      : replace,
    preTokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: SPACE }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(addsPrefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    merges: rankedMerges(scoresOf(source, vocabulary), vocabulary),
    model: {
      unk_token: vocabulary.tokens[unknown]!,
      fuse_unk: true,
      byte_fallback: hasBytes(source, vocabulary),
      ignore_merges: false,
    },
    addsBos: true,
  };
}

function scoresOf({ file, metadata }: GgufFile, { tokens }: Vocabulary): Float32Array {
  const scores = metadata.get("tokenizer.ggml.scores");
  if (!(scores instanceof Float32Array) || scores.length !== tokens.length) {
    throw invalid(file, `tokenizer.ggml.scores does not hold a number for each of ${tokens.length} tokens`);
  }
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad >= 0) throw invalid(file, `the score of token ${bad} is ${scores[bad]!}`);
  return scores;
}

/** Every way to join two tokens into a third, the best score first, then by the ids of the two. */
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

/** Whether characters without a piece become bytes: all 256 are there, or none. */
function hasBytes({ file }: GgufFile, { types, idOf }: Vocabulary): boolean {
  const declared = types.filter((type) => type === "byte").length;
  if (declared === 0) return false;
  for (let byte = 0; byte < 256; byte += 1) {
    const name = `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
    const id = idOf.get(name);
    if (id === undefined || types[id] !== "byte") throw invalid(file, `byte token ${name} is missing`);
  }
  return true;
}
