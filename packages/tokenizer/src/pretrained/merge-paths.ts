/** Finds the two tokens that byte pair encoding merges into a token. */
import { SlmError } from "@slm/core";
import { z } from "zod";
import type { TokenizerJson } from "../files/tokenizer-files.js";

/** Older files write a merge as one text, newer ones as a pair. */
const mergesSchema = z.array(z.union([z.string(), z.tuple([z.string(), z.string()])]));

type Pair = readonly [left: string, right: string];

/** A merge of a file as a pair. */
export const mergePair = (merge: string | Pair): Pair => {
  if (typeof merge !== "string") return merge;
  const space = merge.indexOf(" ");
  return [merge.slice(0, space), merge.slice(space + 1)];
};

/** The merges of a BPE model, in file order. @throws SlmError DATA_INVALID */
export function mergesOf(model: TokenizerJson["model"]): readonly (string | Pair)[] {
  const { success, data } = mergesSchema.safeParse(model["merges"]);
  if (success && data.every((merge) => typeof merge !== "string" || merge.includes(" "))) return data;
  throw new SlmError(
    "DATA_INVALID",
    "tokenizer: tokenizer.json: model.merges is not a list of pairs of tokens",
  );
}

/**
 * How tokens are merged. A token in an encoded text results from the same merges as on its own, because no merge crosses its borders, and merges
 * inside it do not depend on its neighbours.
 */
export class MergePaths {
  private readonly ranks = new Map<string, Map<string, number>>();
  private readonly known = new Map<string, Pair | undefined>();

  /** @throws SlmError DATA_INVALID if the model has no list of merges */
  constructor(model: TokenizerJson["model"]) {
    mergesOf(model).forEach((merge, rank) => {
      const [left, right] = mergePair(merge);
      const after = this.ranks.get(left) ?? new Map<string, number>();
      this.ranks.set(left, after);
      // If a merge is repeated, the last rank wins, as in the library.
      after.set(right, rank);
    });
  }

  /** The parts that the last merge of a token joins; undefined for a single character, and for a token that merges do not produce. */
  parts(token: string): Pair | undefined {
    if (!this.known.has(token)) this.known.set(token, this.lastMerge(token));
    return this.known.get(token);
  }

  private lastMerge(token: string): Pair | undefined {
    let pieces = Array.from(token);
    for (;;) {
      const at = this.bestPair(pieces);
      if (at === undefined) return undefined;
      const pair: Pair = [pieces[at]!, pieces[at + 1]!];
      if (pieces.length === 2) return pair;
      pieces = [...pieces.slice(0, at), pair.join(""), ...pieces.slice(at + 2)];
    }
  }

  /** Index of the neighbours with the lowest rank, the first on a tie. */
  private bestPair(pieces: readonly string[]): number | undefined {
    let best: number | undefined;
    let lowest = Infinity;
    for (let at = 0; at + 1 < pieces.length; at += 1) {
      const rank = this.ranks.get(pieces[at]!)?.get(pieces[at + 1]!) ?? Infinity;
      if (rank >= lowest) continue;
      lowest = rank;
      best = at;
    }
    return best;
  }
}
