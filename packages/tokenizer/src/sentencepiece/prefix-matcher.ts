/** User-defined symbols: a text is never changed or split inside them. Source: SentencePiece 0.2, `PrefixMatcher`. */
import { PieceTrie } from "./piece-trie.js";

export interface PrefixMatcher {
  /** End of the longest symbol that starts at `start` of the text; `start` if there is none [UTF-16 units]. */
  endOf(text: string, start: number): number;
}

const NONE: PrefixMatcher = { endOf: (_, start) => start };

export function prefixMatcher(symbols: readonly string[]): PrefixMatcher {
  if (symbols.length === 0) return NONE;
  const trie = new PieceTrie(new Map(symbols.map((symbol) => [symbol, 0])));
  return {
    endOf(text, start) {
      let end = start;
      let node = 0;
      for (let at = start; at < text.length; at++) {
        node = trie.step(node, text.charCodeAt(at));
        if (node < 0) break;
        if (trie.valueAt(node) >= 0) end = at + 1;
      }
      return end;
    },
  };
}
