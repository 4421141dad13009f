/** Tokenized pairs, read batch by batch from memory or from a file. */
import { textRow, type Row } from "@slm/data";
import { SlmError } from "@slm/core";
import type { Tokenizer } from "@slm/tokenizer";
import type { PairLengths } from "./buckets.js";
import { TokenListsWriter, type Lengths } from "./token-lists.js";

/** Tokens of some rows, in the requested order. */
export interface PairTokens {
  readonly sources: readonly Int32Array[];
  readonly targets: readonly Int32Array[];
}

export interface TokenPairs {
  readonly count: number;
  /** Lengths: source tokens, and target tokens plus one special token. */
  readonly lengths: PairLengths;
  read(rows: ArrayLike<number>): Promise<PairTokens>;
}

/** Pairs on disk. */
export interface PairFile extends TokenPairs {
  close(): Promise<void>;
}

/** Length limits of a model [tokens]; the target's includes EOS. */
export interface PairLimits {
  readonly maxSource: number;
  readonly maxTarget: number;
}

const toTokens = (list: ArrayLike<number>): Int32Array => Int32Array.from(list);

/** Pairs from token lists in memory. */
export function pairsOf(
  sources: readonly ArrayLike<number>[],
  targets: readonly ArrayLike<number>[],
): TokenPairs {
  const held = { sources: sources.map(toTokens), targets: targets.map(toTokens) };
  return {
    count: sources.length,
    lengths: {
      source: Int32Array.from(sources, (list) => list.length),
      target: Int32Array.from(targets, (list) => list.length + 1),
    },
    read: (rows) =>
      Promise.resolve({
        sources: Array.from(rows, (row) => held.sources[row]!),
        targets: Array.from(rows, (row) => held.targets[row]!),
      }),
  };
}

export interface PairFileRequest {
  readonly rows: AsyncIterable<Row> | Iterable<Row>;
  readonly tokenizer: Tokenizer;
  readonly limits: PairLimits;
  /** The file with the rows, for error messages. */
  readonly where: string;
  /** Output file for the tokens; replaces an existing file. */
  readonly file: string;
}

/**
 * Tokenizes rows for a text-only model into a file, one by one. Memory grows by about four bytes per row, whatever their length.
 *
 * @throws SlmError DATA_INVALID for the first row with a source or target above the model's limit, or without rows.
 */
export async function writePairs(request: PairFileRequest): Promise<PairFile> {
  const { rows, tokenizer, limits, where, file } = request;
  const writer = await TokenListsWriter.create(file, [limits.maxSource, limits.maxTarget]);
  let count = 0;
  try {
    for await (const row of rows) {
      count += 1;
      await writer.append(tokenizeRow(textRow(row), tokenizer, limits, `${where}: row ${count}`));
    }
    if (count === 0) throw new SlmError("DATA_INVALID", `${where}: expected at least one row, got none`);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  const lists = await writer.finish();
  const [source, target] = lists.lengths as [Lengths, Lengths];
  return {
    count,
    lengths: { source, target: target.map((length) => length + 1) },
    read: async (wanted) => {
      const [sources, targets] = (await lists.read(wanted)) as [Int32Array[], Int32Array[]];
      return { sources, targets };
    },
    close: () => lists.close(),
  };
}

/**
 * Tokenizes both sides of a row.
 *
 * @param where place of the row, for error messages.
 * @throws SlmError DATA_INVALID if a side is longer than the model's limit.
 */
export function tokenizeRow(
  row: Row,
  tokenizer: Tokenizer,
  { maxSource, maxTarget }: PairLimits,
  where: string,
): readonly [source: number[], target: number[]] {
  const source = tokenizer.encodeSource(row.source);
  const target = tokenizer.encodeTarget(row.target);
  if (source.length > maxSource) throw tooLong(where, "source", source.length, maxSource);
  if (target.length + 1 > maxTarget) throw tooLong(where, "target", target.length + 1, maxTarget);
  return [source, target];
}

function tooLong(where: string, side: "source" | "target", length: number, limit: number): SlmError {
  return new SlmError(
    "DATA_INVALID",
    `${where}: ${side} has ${length} tokens, the model's limit is ${limit}`,
    {
      suggestions: [
        `raise ${side === "source" ? "maxSource" : "maxTarget"} in the recipe`,
        "set data.maxSource and data.maxTarget to drop long rows",
      ],
    },
  );
}
