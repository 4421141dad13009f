/** Draft rules of the rows in a file. */
import type { Progress } from "@slm/core";
import { readRows } from "@slm/data";
import { learnDraftRules, MOST_ANSWER_TOKENS, type TokenPair } from "@slm/onnx-export";
import type { DraftRule } from "@slm/runtime";
import { loadTokenizer } from "@slm/tokenizer";

/**
 * @param path JSONL file of rows
 * @param progress told before rules are learnt, which takes up to a minute
 * @throws SlmError INPUT_MISSING, DATA_INVALID for the rows, or a text that the tokenizer rejects
 */
export async function draftRulesOfRows(
  tokenizerDirectory: string,
  path: string,
  progress: Progress,
): Promise<readonly DraftRule[]> {
  const tokenizer = await loadTokenizer(tokenizerDirectory);
  const pairs: TokenPair[] = [];
  let tokens = 0;
  for await (const { source, target } of readRows(path)) {
    const pair = { source: tokenizer.encodeSource(source), target: tokenizer.encodeTarget(target) };
    pairs.push(pair);
    tokens += pair.target.length;
    if (tokens > MOST_ANSWER_TOKENS) break;
  }
  progress({ stage: "export", message: `draft rules are learnt from ${pairs.length} pairs` });
  return learnDraftRules(pairs, tokenizer.tokens.eos);
}
