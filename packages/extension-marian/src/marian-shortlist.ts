/**
 * Reads Marian's lexical shortlist in binary format: the likely target tokens of each source token. The decoder scores the target tokens of its
 * source tokens, and the first tokens of the vocabulary.
 *
 * Source: browsermt/marian-dev, `data/shortlist.h`, `BinaryShortlistGenerator`: magic number, checksum, first and best tokens, numbers of
 * offsets and of tokens, offsets, tokens. The checksum is not verified, because its hash depends on how Marian was built.
 */
import { stat } from "node:fs/promises";
import { readFailure, readRegular } from "@slm/core";
import { checkedShortlist, type LexicalShortlist } from "@slm/generation";
import { invalidFile } from "@slm/checkpoints";

const MAGIC = 0xf11a48d5013417f5n;
const HEADER_BYTES = 48;
/** Far above a vocabulary of 256,000 tokens with 100 each. */
const MAX_BYTES = 2 ** 28;

/**
 * Reads a shortlist for a vocabulary of source and target.
 *
 * @throws SlmError INPUT_MISSING if the file does not exist; DATA_INVALID if it violates the format or contains tokens that do not exist
 */
export async function readMarianShortlist(file: string, vocabulary: number): Promise<LexicalShortlist> {
  const reject = (message: string): Error => invalidFile(file, message, "shortlist");
  const bytes = await contentsOf(file, reject);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES)
    throw reject(`expected a header of ${HEADER_BYTES} bytes, got a file of ${bytes.length} bytes`);
  const header = Array.from({ length: HEADER_BYTES / 8 }, (_, at) => view.getBigUint64(8 * at, true));
  const [magic, , first, best, words, entries] = header as [bigint, bigint, bigint, bigint, bigint, bigint];
  if (magic !== MAGIC)
    throw reject(`it starts with 0x${magic.toString(16)}, expected 0x${MAGIC.toString(16)}`);
  if (words !== BigInt(vocabulary + 1))
    throw reject(`it is for ${words - 1n} tokens, but the vocabulary has ${vocabulary}`);
  if (first > BigInt(vocabulary) || best > BigInt(vocabulary))
    throw reject(
      `expected at most ${vocabulary} tokens as in the vocabulary, got ${first} first and ${best} best tokens`,
    );
  const expected = BigInt(HEADER_BYTES) + 8n * words + 4n * entries;
  if (expected !== BigInt(bytes.length))
    throw reject(`expected ${expected} bytes according to the header, got ${bytes.length}`);
  const offsets = Int32Array.from({ length: Number(words) }, (_, at) => {
    const offset = view.getBigUint64(HEADER_BYTES + 8 * at, true);
    // Larger ones would lose their upper half, and could then look valid.
    if (offset > entries) throw reject(`offset ${at} is ${offset}, beyond its ${entries} tokens`);
    return Number(offset);
  });
  const tokens = Int32Array.from({ length: Number(entries) }, (_, at) =>
    view.getUint32(HEADER_BYTES + 8 * offsets.length + 4 * at, true),
  );
  const always = Int32Array.from({ length: Number(first) }, (_, token) => token);
  return checkedShortlist({ always, offsets, tokens }, vocabulary, reject);
}

async function contentsOf(file: string, reject: (message: string) => Error): Promise<Uint8Array> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw reject(`it has ${size} bytes, expected at most ${MAX_BYTES}`);
    return await readRegular(file);
  } catch (error) {
    throw readFailure(error, file);
  }
}
