/** Draft rules of a task's rows. */
import type { Progress } from "@slm/core";
import { readRows } from "@slm/data";
import { learnDraftRules, MOST_ANSWER_TOKENS, type TokenPair } from "@slm/onnx-export";
import type { DraftRule } from "@slm/runtime";
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
  let pairs: TokenPair[] = [];
  // Of more rows than rules are learnt from, every second, fourth, ... is kept: rows of a file may be sorted.
  let [row, step, tokens] = [0, 1, 0];
  for await (const { source, target } of rowsOf(from)) {
    if (row++ % step !== 0) continue;
    const pair = { source: tokenizer.encodeSource(source), target: tokenizer.encodeTarget(target) };
    pairs.push(pair);
    tokens += pair.target.length;
    if (tokens <= MOST_READ_TOKENS) continue;
    step *= 2;
    pairs = pairs.filter((_, at) => at % 2 === 0);
    tokens = pairs.reduce((sum, { target: ids }) => sum + ids.length, 0);
  }
  progress({ stage: "export", message: `draft rules are learnt from ${pairs.length} pairs` });
  return learnDraftRules(pairs, tokenizer.tokens.eos);
}

async function* rowsOf({ rows, cache }: RulePairs): AsyncGenerator<{ source: string; target: string }> {
  yield* readRows(rows);
  if (cache === undefined) return;
  for (const kind of CACHE_ROW_KINDS) yield* readCacheRows(cache, kind);
}
