import type { TokenizerFiles } from "@slm/tokenizer";

/** Token ids by text, including added tokens. */
export function idsOf({ tokenizer }: TokenizerFiles): ReadonlyMap<string, number> {
  const { vocab } = tokenizer.model;
  // Unigram models list tokens with scores.
  const known = Array.isArray(vocab)
    ? vocab.map(([text], id): [string, number] => [text as string, id])
    : Object.entries(vocab as Readonly<Record<string, number>>);
  const added = tokenizer.added_tokens.map(({ content, id }): [string, number] => [content, id]);
  return new Map([...known, ...added]);
}
