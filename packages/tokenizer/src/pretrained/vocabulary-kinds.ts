/** The kinds of vocabulary that can be pruned: which tokens must stay so that every text can be encoded, and how to prune the model. */
import { SlmError } from "@slm/core";
import { z } from "zod";
import { BYTE_TOKENS } from "../text/byte-tokens.js";
import type { TokenizerJson } from "../files/tokenizer-files.js";
import { MergePaths, mergePair, mergesOf } from "./merge-paths.js";

type Model = TokenizerJson["model"];

export interface PrunableVocabulary {
  /** All tokens by id, except added tokens that are only in `added_tokens`. */
  readonly ids: ReadonlyMap<string, number>;
  /** Tokens without which some text could not be encoded, or would be encoded differently. */
  readonly required: readonly string[];
  /** See `TokenChoice`. */
  readonly parts: (token: string) => readonly [string, string] | undefined;
  /** The model with only these tokens, at these ids (dense, in the order of the map). */
  readonly cut: (kept: ReadonlyMap<string, number>) => Model;
}

const KINDS: Readonly<Record<"BPE" | "Unigram", (model: Model) => PrunableVocabulary>> = {
  BPE: bytePairs,
  Unigram: unigram,
};

/**
 * Returns the vocabulary of a model.
 *
 * @throws SlmError OP_UNSUPPORTED for a kind or a setting that cannot be pruned, DATA_INVALID for an invalid file
 */
export function prunableVocabulary(model: Model): PrunableVocabulary {
  const kind = model.type ?? (Array.isArray(model.vocab) ? "Unigram" : "merges" in model ? "BPE" : "none");
  if (Object.hasOwn(KINDS, kind)) return KINDS[kind as keyof typeof KINDS](model);
  throw unsupported(`a ${kind} vocabulary, only ${Object.keys(KINDS).join(" and ")}`);
}

const unsupported = (what: string): SlmError =>
  new SlmError("OP_UNSUPPORTED", `tokenizer: tokenizer.prune does not support ${what}`, {
    suggestions: ["remove tokenizer.prune to use the whole vocabulary"],
  });

const isCharacter = (token: string): boolean => Array.from(token).length === 1;

/**
 * Byte pair encoding. With byte tokens (`<0x00>`, ...) these can encode every character. Otherwise all single characters stay; in a byte-level
 * vocabulary they are the bytes.
 */
function bytePairs(model: Model): PrunableVocabulary {
  const { vocab } = model;
  if (Array.isArray(vocab)) throw unsupported("BPE with a list of scored tokens");
  for (const setting of [
    "end_of_word_suffix",
    "continuing_subword_prefix",
    "continuing_subword_suffix",
    "dropout",
  ])
    if ((model[setting] ?? "") !== "") throw unsupported(`BPE with ${setting}`);
  const ids = new Map(Object.entries(vocab as Readonly<Record<string, number>>));
  const spellsBytes = model["byte_fallback"] === true && BYTE_TOKENS.every((token) => ids.has(token));
  const unknown = model["unk_token"];
  const paths = new MergePaths(model);
  return {
    ids,
    required: [
      ...(spellsBytes ? BYTE_TOKENS : [...ids.keys()].filter(isCharacter)),
      ...(typeof unknown === "string" ? [unknown] : []),
    ],
    parts: (token) => paths.parts(token),
    cut: (kept) => ({
      ...model,
      vocab: Object.fromEntries(kept),
      merges: mergesOf(model).filter((merge) => {
        const [left, right] = mergePair(merge);
        return kept.has(left) && kept.has(right) && kept.has(left + right);
      }),
    }),
  };
}

const scoredSchema = z.array(z.tuple([z.string(), z.number()]));

/** Unigram: scores stay, so the best segmentation stays the best. The score of unknown characters follows from the smallest one. */
function unigram(model: Model): PrunableVocabulary {
  const { success, data: scored } = scoredSchema.safeParse(model.vocab);
  const unknownId = model["unk_id"] ?? null;
  if (!success || scored.length === 0)
    throw new SlmError(
      "DATA_INVALID",
      "tokenizer: tokenizer.json: model.vocab is not a list of [token, score]",
    );
  const lowest = scored.reduce((best, entry) => (entry[1] < best[1] ? entry : best));
  const unknown = typeof unknownId === "number" ? scored[unknownId]?.[0] : undefined;
  const scores = new Map(scored);
  const bytes = model["byte_fallback"] === true ? BYTE_TOKENS.filter((token) => scores.has(token)) : [];
  return {
    ids: new Map(scored.map(([token], id) => [token, id])),
    required: [
      ...scored.map(([token]) => token).filter(isCharacter),
      ...bytes,
      lowest[0],
      ...(unknown === undefined ? [] : [unknown]),
    ],
    parts: () => undefined,
    cut: (kept) => ({
      ...model,
      unk_id: unknown === undefined ? unknownId : kept.get(unknown)!,
      // A token that is only in `added_tokens` has no score and never occurs in encoded texts.
      vocab: [...kept.keys()].map((token) => [token, scores.get(token) ?? lowest[1]] as const),
    }),
  };
}
