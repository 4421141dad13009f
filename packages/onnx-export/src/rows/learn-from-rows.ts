/** Learns a shortlist and draft rules from rows for an export. */
import { hashJson, type Progress } from "@slm/core";
import { learnDraftRules, MOST_ANSWER_TOKENS, type DraftRule, type TokenPair } from "@slm/generation";
import type { Tokenizer } from "@slm/tokenizer";
import { collectShortlist, type Shortlist } from "../weights/shortlist.js";
import type { RowFiles } from "./row-files.js";

/** Limit of answer tokens in memory while rows are read. */
const MOST_READ_TOKENS = 2 * MOST_ANSWER_TOKENS;

/** A source and its target. */
export interface TextPair {
  readonly source: string;
  readonly target: string;
}

/** Provides the rows to learn from. */
interface RowReader {
  readonly tokenizer: () => Promise<Tokenizer>;
  /** Reads the rows of a file. */
  readonly rows: (file: string) => AsyncIterable<TextPair>;
  /** More rows for draft rules. Default: none. */
  readonly further?: (() => AsyncIterable<TextPair>) | undefined;
}

/** The lists of an export. */
export interface RowLists {
  /** Token ids of the pruned vocabulary. */
  readonly shortlist: Shortlist | undefined;
  /** Rules that predict the next tokens of an answer. */
  readonly draftRules: readonly DraftRule[] | undefined;
}

/**
 * Learns the lists for which there are files.
 *
 * @param progress called before rules are learnt, which takes up to a minute
 * @throws SlmError from reading, DATA_INVALID for a text that the tokenizer rejects, INPUT_MISSING if there are no rows for a shortlist
 */
export async function learnFromRows(
  { shortlist, draftRules }: RowFiles,
  reader: RowReader,
  progress: Progress,
): Promise<RowLists> {
  return {
    shortlist:
      shortlist === undefined
        ? undefined
        : await collectShortlist(await reader.tokenizer(), targetsOf(reader.rows(shortlist))),
    draftRules: draftRules === undefined ? undefined : await rulesOf(draftRules, reader, progress),
  };
}

/** Lists for a manifest. Rules are named by their hash, because the export contains them. */
export function listsInManifest({ shortlist, draftRules }: RowLists): Readonly<Record<string, unknown>> {
  return {
    shortlist,
    draftRules: draftRules && { count: draftRules.length, sha256: hashJson(draftRules) },
  };
}

async function* targetsOf(rows: AsyncIterable<TextPair>): AsyncGenerator<string> {
  for await (const { target } of rows) yield target;
}

async function rulesOf(file: string, reader: RowReader, progress: Progress): Promise<readonly DraftRule[]> {
  const tokenizer = await reader.tokenizer();
  const encode = ({ source, target }: TextPair): TokenPair => ({
    source: tokenizer.encodeSource(source),
    target: tokenizer.encodeTarget(target),
  });
  const pairs = await evenlySpread(allRows(file, reader), encode, MOST_READ_TOKENS);
  progress({ stage: "export", message: `learning draft rules from ${pairs.length} pairs` });
  return learnDraftRules(pairs, tokenizer.tokens.eos);
}

async function* allRows(file: string, { rows, further }: RowReader): AsyncGenerator<TextPair> {
  yield* rows(file);
  if (further !== undefined) yield* further();
}

/**
 * Returns the pairs of all rows, or of every second, fourth, ... row if the answers have too many tokens. It skips rows evenly because a
 * file can be sorted.
 *
 * @param mostTokens limit of answer tokens in memory
 */
export async function evenlySpread(
  rows: AsyncIterable<TextPair>,
  encode: (row: TextPair) => TokenPair,
  mostTokens: number,
): Promise<readonly TokenPair[]> {
  let pairs: TokenPair[] = [];
  let [at, step, tokens] = [0, 1, 0];
  for await (const row of rows) {
    if (at++ % step !== 0) continue;
    const pair = encode(row);
    pairs.push(pair);
    tokens += pair.target.length;
    if (tokens <= mostTokens) continue;
    step *= 2;
    pairs = pairs.filter((_, place) => place % 2 === 0);
    tokens = pairs.reduce((sum, { target }) => sum + target.length, 0);
  }
  return pairs;
}
