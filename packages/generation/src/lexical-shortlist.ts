/**
 * Lexical shortlists: the target tokens that are allowed for each source token. Some models that were distilled for speed need their shortlist,
 * because their answers depend on it.
 */

export interface LexicalShortlist {
  /** Target tokens that are allowed for every source. */
  readonly always: Int32Array;
  /** Offset in `tokens` at which the list of each source token begins, and at the end the total length. */
  readonly offsets: Int32Array;
  readonly tokens: Int32Array;
}

/**
 * A shortlist for a vocabulary, checked.
 *
 * @throws the error that `reject` creates, for invalid offsets or tokens outside the vocabulary
 */
export function checkedShortlist(
  list: LexicalShortlist,
  vocabulary: number,
  reject: (message: string) => Error,
): LexicalShortlist {
  const { always, offsets, tokens } = list;
  if (offsets.length !== vocabulary + 1)
    throw reject(`it is for ${offsets.length - 1} tokens, the vocabulary has ${vocabulary}`);
  const rises = offsets.every((offset, at) => offset >= (offsets[at - 1] ?? 0));
  if (!rises || offsets[0] !== 0 || offsets.at(-1) !== tokens.length)
    throw reject("its offsets do not rise from 0 to the number of its tokens");
  const beyond = [always, tokens].map((ids) => ids.find((id) => id < 0 || id >= vocabulary)).find(isThere);
  if (beyond !== undefined) throw reject(`it names token ${beyond} of ${vocabulary}`);
  return list;
}

const isThere = (id: number | undefined): boolean => id !== undefined;

/** `[vocabulary]`: 1 for tokens that are allowed for a source, 0 for others. */
export function answersOf(
  { always, offsets, tokens }: LexicalShortlist,
  source: readonly number[],
): Uint8Array {
  const may = new Uint8Array(offsets.length - 1);
  for (const token of always) may[token] = 1;
  for (const word of source)
    for (const token of tokens.subarray(offsets[word], offsets[word + 1])) may[token] = 1;
  return may;
}

/** Number of header fields: the lengths of the three lists. */
const HEADER = 3;

/** A shortlist as a file: int32, little-endian; the lengths of `always`, `offsets` and `tokens`, then the lists. */
export function shortlistBytes({ always, offsets, tokens }: LexicalShortlist): Uint8Array {
  const parts = [Int32Array.of(always.length, offsets.length, tokens.length), always, offsets, tokens];
  const view = new DataView(new ArrayBuffer(4 * (HEADER + always.length + offsets.length + tokens.length)));
  let at = 0;
  for (const part of parts)
    for (const number of part) {
      view.setInt32(at, number, true);
      at += 4;
    }
  return new Uint8Array(view.buffer);
}

/** The inverse of {@link shortlistBytes}, checked. @throws the error that `reject` creates, for malformed bytes or another vocabulary */
export function shortlistOf(
  bytes: Uint8Array,
  vocabulary: number,
  reject: (message: string) => Error,
): LexicalShortlist {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length >= 4 * HEADER && bytes.length % 4 === 0;
  const lengths = whole ? [0, 1, 2].map((part) => view.getInt32(4 * part, true)) : [];
  const sum = lengths.reduce((total, length) => total + length, HEADER);
  if (!whole || lengths.some((length) => length < 0) || 4 * sum !== bytes.length)
    throw reject(`its size, ${bytes.length} bytes, does not match the lengths in its header`);
  let at = 4 * HEADER;
  const [always, offsets, tokens] = lengths.map((length) => {
    const list = Int32Array.from({ length }, (_, index) => view.getInt32(at + 4 * index, true));
    at += 4 * length;
    return list;
  }) as [Int32Array, Int32Array, Int32Array];
  return checkedShortlist({ always, offsets, tokens }, vocabulary, reject);
}
