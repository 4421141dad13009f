/** Splits a text at the tokens that it may contain. */
import { PieceTrie } from "../sentencepiece/piece-trie.js";
import type { TokenizerJson } from "../files/tokenizer-files.js";

/** Text between tokens, or the id of a token. */
export type Section = string | number;

/**
 * @param tokens the tokens to find. If several start at the same place, the longest wins. White space next to a token belongs to it if the
 * token's `lstrip` or `rstrip` says so.
 */
export function sectionsOf(tokens: TokenizerJson["added_tokens"]): (text: string) => readonly Section[] {
  if (tokens.length === 0) return (text) => [text];
  const trie = new PieceTrie(new Map(tokens.map(({ content }, index) => [content, index])));
  return (text) => {
    const sections: Section[] = [];
    let from = 0;
    for (let at = 0; at < text.length;) {
      const found = longestAt(trie, text, at);
      if (found === undefined) {
        at++;
        continue;
      }
      const token = tokens[found.index]!;
      const before = text.slice(from, at);
      sections.push(token["lstrip"] === true ? before.trimEnd() : before, token.id);
      at = found.end;
      if (token["rstrip"] === true) while (/^\s/u.test(text.slice(at, at + 1))) at++;
      from = at;
    }
    return [...sections, text.slice(from)].filter((section) => section !== "");
  };
}

function longestAt(
  trie: PieceTrie,
  text: string,
  start: number,
): { readonly index: number; readonly end: number } | undefined {
  let found: { readonly index: number; readonly end: number } | undefined;
  for (let at = start, node = 0; at < text.length; at++) {
    node = trie.step(node, text.charCodeAt(at));
    if (node < 0) break;
    const index = trie.valueAt(node);
    if (index >= 0) found = { index, end: at + 1 };
  }
  return found;
}
