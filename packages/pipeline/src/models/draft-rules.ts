/** Draft rules of a task's rows. */
import type { Progress } from "@slm/core";
import { readRows } from "@slm/data";
import { learnDraftRules, MOST_ANSWER_TOKENS, type DraftRule, type TokenPair } from "@slm/generation";
import { CACHE_ROWS, readCacheRows, type CacheRowKind } from "@slm/teacher";
import { loadTokenizer } from "@slm/tokenizer";

const CACHE_ROW_KINDS = Object.keys(CACHE_ROWS) as readonly CacheRowKind[];

/** Tokens of answers that are kept while rows are read. */
const MOST_READ_TOKENS = 2 * MOST_ANSWER_TOKENS;

/** Where the rows of a task are. */
export interface RulePairs {
  /** JSONL file of rows. */
  readonly rows: string;
  /** Cache of a teacher, whose rows follow. Default: there is none. */
  readonly cache?: string | undefined;
}

/**
 * @param progress told before rules are learnt, which takes up to a minute
 * @throws SlmError INPUT_MISSING, DATA_INVALID for the rows, or a text that the tokenizer rejects
 */
export async function draftRulesOfRows(
  tokenizerDirectory: string,
  from: RulePairs,
  progress: Progress,
): Promise<readonly DraftRule[]> {
  const tokenizer = await loadTokenizer(tokenizerDirectory);
  const encode = ({ source, target }: TextPair): TokenPair => ({
    source: tokenizer.encodeSource(source),
    target: tokenizer.encodeTarget(target),
  });
  const pairs = await evenlySpread(rowsOf(from), encode, MOST_READ_TOKENS);
  progress({ stage: "export", message: `draft rules are learnt from ${pairs.length} pairs` });
  return learnDraftRules(pairs, tokenizer.tokens.eos);
}

interface TextPair {
  readonly source: string;
  readonly target: string;
}

/**
 * The pairs of all rows, or of every second, fourth, ... of them once their answers have too many tokens: the rows of a file may be sorted.
 *
 * @param mostTokens that are kept at a time
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

async function* rowsOf({ rows, cache }: RulePairs): AsyncGenerator<TextPair> {
  yield* readRows(rows);
  if (cache === undefined) return;
  for (const kind of CACHE_ROW_KINDS) yield* readCacheRows(cache, kind);
}
