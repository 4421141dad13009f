/** Trains the tokenizer of a recipe. */
import { trainBpeTokenizer, type TextPair } from "./learn/bpe-files.js";
import { trainSymbolTokenizer } from "./learn/symbol-files.js";
import type { TrainedTokenizerConfig } from "./tokenizer-config.js";
import type { TokenizerFiles } from "./files/tokenizer-files.js";

/** BPE: smallest count of a pair that is merged. */
const SMALLEST_PAIR_COUNT = 2;

type Rows = AsyncIterable<TextPair> | Iterable<TextPair>;

/**
 * Trains a tokenizer of the configured kind on a data set.
 *
 * @throws SlmError DATA_INVALID if the rows are invalid for the kind: see {@link trainSymbolTokenizer} and {@link trainBpeTokenizer}.
 */
export async function trainTokenizer(rows: Rows, config: TrainedTokenizerConfig): Promise<TokenizerFiles> {
  switch (config.kind) {
    case "symbols": {
      const { sources, targets } = await sidesOf(rows);
      return trainSymbolTokenizer({ sources, targets, sourceLowercase: true });
    }
    case "bpe":
      return trainBpeTokenizer(rows, { ...config, minCount: SMALLEST_PAIR_COUNT, sourceLowercase: false });
  }
}

async function sidesOf(rows: Rows): Promise<{ readonly sources: string[]; readonly targets: string[] }> {
  const sources: string[] = [];
  const targets: string[] = [];
  for await (const { source, target } of rows) {
    sources.push(source);
    targets.push(target);
  }
  return { sources, targets };
}
