import type { TokenizerFiles } from "@slm/tokenizer";

/** Ids by the text of tokens, added tokens included. */
export function idsOf({ tokenizer }: TokenizerFiles): ReadonlyMap<string, number> {
  const { vocab } = tokenizer.model;
  // Unigram models list their tokens with scores.
  const known = Array.isArray(vocab)
    ? vocab.map(([text], id): [string, number] => [text as string, id])
    : Object.entries(vocab as Readonly<Record<string, number>>);
  const added = tokenizer.added_tokens.map(({ content, id }): [string, number] => [content, id]);
  return new Map([...known, ...added]);
}
