/** A vocabulary in the order of its bytes, so that tokens that begin alike stand together. */

export interface SortedVocabulary {
  readonly ids: Int32Array;
  /** Bytes of each, in the same order. */
  readonly texts: readonly Uint8Array[];
  /** How many bytes each begins with like the one before it. */
  readonly common: Int32Array;
}

/** Tokens without text are left out. */
export function sortVocabulary(bytes: readonly (Uint8Array | undefined)[]): SortedVocabulary {
  const tokens = bytes
    .flatMap((text, id) => (text === undefined || text.length === 0 ? [] : [{ id, text }]))
    .sort((x, y) => Buffer.compare(x.text, y.text));
  return {
    ids: Int32Array.from(tokens, ({ id }) => id),
    texts: tokens.map(({ text }) => text),
    common: Int32Array.from(tokens, ({ text }, at) =>
      at === 0 ? 0 : sharedLength(tokens[at - 1]!.text, text),
    ),
  };
}

function sharedLength(left: Uint8Array, right: Uint8Array): number {
  let length = 0;
  while (length < left.length && length < right.length && left[length] === right[length]) length++;
  return length;
}
