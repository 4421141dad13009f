/**
 * `tokenizer.json` for a SentencePiece model, as transformers converts it, so that other libraries can read it. It approximates the model. slm
 * runs the model itself and reads only ids and special tokens from this file.
 *
 * Source: transformers 4.57, `convert_slow_tokenizer.py`.
 */
import type { SentencePieceModel } from "../sentencepiece/model-proto.js";
import { SPACE } from "../sentencepiece/normalizer.js";
import { tokenizerJsonSchema, type TokenizerJson } from "../files/tokenizer-files.js";
import { base64Text } from "../text/utf8.js";
import type { PieceVocabulary } from "./piece-vocabularies.js";

/** Score of tokens that the source model never produces: worse than any learnt piece. */
const NEVER = -100;

export interface JsonSource {
  readonly model: SentencePieceModel;
  readonly vocabulary: PieceVocabulary;
  readonly unknown: string;
  /** Special tokens around sources. */
  readonly prefix: readonly string[];
  readonly suffix: readonly string[];
}

export function sentencePieceJson(source: JsonSource): TokenizerJson {
  const { model, vocabulary } = source;
  const { characterMap, addDummyPrefix, removeExtraWhitespaces } = model.normalizer;
  const metaspace = {
    type: "Metaspace",
    replacement: SPACE,
    prepend_scheme: addDummyPrefix ? "always" : "never",
    split: true,
  };
  return tokenizerJsonSchema.parse({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [...vocabulary.added].sort((left, right) => left.id - right.id),
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...(characterMap.length === 0
          ? []
          : [{ type: "Precompiled", precompiled_charsmap: base64Text(characterMap) }]),
        ...(removeExtraWhitespaces
          ? [
              { type: "Strip", strip_left: false, strip_right: true },
              { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
            ]
          : []),
      ],
    },
    pre_tokenizer: metaspace,
    post_processor: template(source),
    decoder: metaspace,
    model: model.type === "bpe" ? mergesOf(source) : scoresOf(source),
  });
}

function template({ vocabulary, prefix, suffix }: JsonSource): object | null {
  const around = [...prefix, ...suffix];
  if (around.length === 0) return null;
  const ids = new Map([
    ...vocabulary.ids,
    ...vocabulary.added.map(({ content, id }) => [content, id] as const),
  ]);
  const special = (id: string): object => ({ SpecialToken: { id, type_id: 0 } });
  const single = [...prefix.map(special), { Sequence: { id: "A", type_id: 0 } }, ...suffix.map(special)];
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, { Sequence: { id: "B", type_id: 0 } }],
    special_tokens: Object.fromEntries(
      around.map((token) => [token, { id: token, ids: [ids.get(token)!], tokens: [token] }]),
    ),
  };
}

/** Unigram: each id has a token and a score. */
function scoresOf({ model, vocabulary, unknown }: JsonSource): object {
  const scores = new Map(model.pieces.map(({ text, score }) => [text, score]));
  const entries = [...vocabulary.ids, ...vocabulary.added.map(({ content, id }) => [content, id] as const)];
  const size = entries.reduce((most, [, id]) => Math.max(most, id + 1), 0);
  const vocab: (readonly [string, number])[] = Array.from({ length: size }, (_, id) => [
    `<unused_${id}>`,
    NEVER,
  ]);
  for (const [text, id] of entries) vocab[id] = [text, scores.get(text) ?? NEVER];
  return {
    type: "Unigram",
    unk_id: vocabulary.ids.get(unknown) ?? null,
    vocab,
    byte_fallback: model.byteFallback,
  };
}

/** BPE: all pairs of tokens that form a third, the best score first. */
function mergesOf({ model, vocabulary, unknown }: JsonSource): object {
  const { ids } = vocabulary;
  const order = new Map(model.pieces.map(({ text }, index) => [text, index]));
  const found: { readonly score: number; readonly left: string; readonly right: string }[] = [];
  for (const { text, score, type } of model.pieces) {
    if ((type !== "normal" && type !== "user") || !ids.has(text)) continue;
    for (let at = 1; at < text.length; at++) {
      const [left, right] = [text.slice(0, at), text.slice(at)];
      if (ids.has(left) && ids.has(right) && order.has(left) && order.has(right))
        found.push({ score, left, right });
    }
  }
  const place = (text: string): number => order.get(text)!;
  found.sort((a, b) => b.score - a.score || place(a.left) - place(b.left) || place(a.right) - place(b.right));
  return {
    type: "BPE",
    dropout: null,
    unk_token: unknown,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: true,
    byte_fallback: model.byteFallback,
    ignore_merges: false,
    vocab: Object.fromEntries(ids),
    merges: found.map(({ left, right }) => [left, right]),
  };
}
