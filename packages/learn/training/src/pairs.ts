/** Tokenized pairs in memory, flat: 4 bytes a token. */
import type { Row } from "@slm/data";
import { SlmError } from "@slm/error";
import type { Tokenizer } from "@slm/tokenizer";
import type { PairLengths } from "./buckets.js";

export interface TokenPairs {
  readonly count: number;
  source(row: number): Int32Array;
  target(row: number): Int32Array;
  /** Source tokens, and target tokens plus one mark. */
  readonly lengths: PairLengths;
}

/** Pairs out of token lists. */
export function pairsOf(
  sources: readonly ArrayLike<number>[],
  targets: readonly ArrayLike<number>[],
): TokenPairs {
  const pack = (lists: readonly ArrayLike<number>[]): { tokens: Int32Array; starts: Int32Array } => {
    const starts = new Int32Array(lists.length + 1);
    lists.forEach((list, index) => (starts[index + 1] = starts[index]! + list.length));
    const tokens = new Int32Array(starts.at(-1)!);
    lists.forEach((list, index) => {
      tokens.set(list, starts[index]);
    });
    return { tokens, starts };
  };
  const source = pack(sources);
  const target = pack(targets);
  return {
    count: sources.length,
    source: (row) => source.tokens.subarray(source.starts[row], source.starts[row + 1]),
    target: (row) => target.tokens.subarray(target.starts[row], target.starts[row + 1]),
    lengths: {
      source: Int32Array.from(sources, (list) => list.length),
      target: Int32Array.from(targets, (list) => list.length + 1),
    },
  };
}

/**
 * Tokenizes rows for training.
 *
 * @throws SlmError DATA_INVALID naming the first row whose source or target is longer than the model's limit.
 */
export function tokenizeRows(
  rows: readonly Row[],
  tokenizer: Tokenizer,
  limits: { readonly maxSource: number; readonly maxTarget: number },
  where: string,
): TokenPairs {
  const sources: number[][] = [];
  const targets: number[][] = [];
  rows.forEach((row, index) => {
    const source = tokenizer.encodeSource(row.source);
    const target = tokenizer.encodeTarget(row.target);
    const tooLong =
      source.length > limits.maxSource
        ? "source"
        : target.length + 1 > limits.maxTarget
          ? "target"
          : undefined;
    if (tooLong !== undefined) {
      const [length, limit] =
        tooLong === "source" ? [source.length, limits.maxSource] : [target.length + 1, limits.maxTarget];
      throw new SlmError(
        "DATA_INVALID",
        `${where}: line ${index + 1}: ${tooLong} has ${length} tokens, the model's limit is ${limit}`,
        {
          suggestions: [
            `raise ${tooLong === "source" ? "maxSource" : "maxTarget"} in the recipe`,
            "set data.maxSource and data.maxTarget to drop long rows",
          ],
        },
      );
    }
    sources.push(source);
    targets.push(target);
  });
  return pairsOf(sources, targets);
}
