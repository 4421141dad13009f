/**
 * The file format of a cache, version 1. All numbers are little-endian; hashes are SHA-256 (32 bytes).
 *
 *   cache.json        description of the cache, with size and hash of index.bin; written last
 *   index.bin         48 bytes per shard: u32 pairs, u32 tokens, u32 bytes, u32 zero, hash of the shard
 *   shard-00000.bin   pairs with keys that start with the shard's number
 *
 * A shard:
 *
 *   header      128 bytes
 *       0  u8[8]  "SLMCACHE"            40  f64  sum of tail masses
 *       8  u32    version               48  f64  sum of KL(teacher || decoded) [nats]
 *      12  u32    vocabulary            56  f64  largest of them [nats]
 *      16  u32    k                     64  f64  sum of their rounding parts [nats]
 *      20  u32    number of the shard   72  u32  bytes of all records
 *      24  u32    bits of the number    76  u32  zero
 *      28  u32    pairs                 80  hash of the plan: teacher, settings and pairs of this shard
 *      32  u32    tokens               112  u8[16] zero
 *      36  u32    bits of the fan
 *   fan         u32 per value of the `fan bits` of a key after the shard's number, and one more: number of smaller keys
 *   directory   16 bytes per pair, sorted: key (u8[12]), u32 offset of its record
 *   records     one per pair, padded to whole bytes: a bit-packed distribution per target token and one for the EOS token
 *   digest      hash of all bytes before it
 *
 * With the fan and the directory, a look-up needs three small reads at known offsets, for any shard size.
 */
import { SlmError } from "@slm/core";
import { KEY_BYTES } from "./pair-key.js";

export const FORMAT_NAME = "slm-teacher-cache";
export const FORMAT_VERSION = 1;
export const CACHE_FILE = "cache.json";
export const INDEX_FILE = "index.bin";
export const INDEX_ENTRY_BYTES = 48;

export const HEADER_BYTES = 128;
export const ENTRY_BYTES = KEY_BYTES + 4;
export const DIGEST_BYTES = 32;
const MAGIC = Buffer.from("SLMCACHE", "latin1");
const PLAN_AT = 80;

/** Average number of pairs per fan entry. */
const PAIRS_PER_FAN = 16;
/** Limit of fan bits plus bits of a shard's number. */
const MAX_FAN_BITS = 12;
/** Size limit of a shard, so that sizes fit their fields and a typed array [bytes]. */
export const MAX_SHARD_BYTES = 2 ** 31 - 1;
export const MAX_VOCABULARY = 1 << 20;

export const shardFile = (shard: number): string => `shard-${String(shard).padStart(5, "0")}.bin`;

/** Number of fan bits for a number of pairs. */
export function fanBitsFor(pairs: number): number {
  return Math.max(0, Math.min(MAX_FAN_BITS, Math.ceil(Math.log2(Math.max(1, pairs / PAIRS_PER_FAN)))));
}

/** Sums over the positions of a shard. */
export interface ShardSums {
  readonly tailMass: number;
  readonly kl: number;
  readonly maxKl: number;
  readonly quantizationKl: number;
}

export interface ShardHeader {
  readonly vocabularySize: number;
  readonly k: number;
  readonly shard: number;
  readonly shardBits: number;
  readonly pairs: number;
  readonly tokens: number;
  readonly fanBits: number;
  readonly recordBytes: number;
  readonly sums: ShardSums;
  /** Hexadecimal. */
  readonly plan: string;
}

/** Offsets of the parts of a shard. */
export interface ShardLayout {
  readonly fanAt: number;
  readonly directoryAt: number;
  readonly recordsAt: number;
  readonly digestAt: number;
  /** Size of the whole file. */
  readonly bytes: number;
}

export function layoutOf({
  fanBits,
  pairs,
  recordBytes,
}: Pick<ShardHeader, "fanBits" | "pairs" | "recordBytes">): ShardLayout {
  const directoryAt = HEADER_BYTES + 4 * (2 ** fanBits + 1);
  const recordsAt = directoryAt + ENTRY_BYTES * pairs;
  const digestAt = recordsAt + recordBytes;
  return { fanAt: HEADER_BYTES, directoryAt, recordsAt, digestAt, bytes: digestAt + DIGEST_BYTES };
}

export function encodeHeader(header: ShardHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes);
  const words = [
    FORMAT_VERSION,
    header.vocabularySize,
    header.k,
    header.shard,
    header.shardBits,
    header.pairs,
    header.tokens,
    header.fanBits,
  ];
  words.forEach((word, index) => bytes.writeUInt32LE(word, 8 + 4 * index));
  const { tailMass, kl, maxKl, quantizationKl } = header.sums;
  [tailMass, kl, maxKl, quantizationKl].forEach((sum, index) => bytes.writeDoubleLE(sum, 40 + 8 * index));
  bytes.writeUInt32LE(header.recordBytes, 72);
  bytes.write(header.plan, PLAN_AT, "hex");
  return bytes;
}

/**
 * Reads a header and checks its consistency and the file's size.
 *
 * @throws SlmError DATA_INVALID naming the file.
 */
export function decodeHeader(bytes: Buffer, fileBytes: number, file: string): ShardHeader {
  const reject = (problem: string): never => {
    throw corrupt(file, problem);
  };
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC))
    reject("it does not start like a shard of a teacher cache");
  const word = (at: number): number => bytes.readUInt32LE(at);
  const version = word(8);
  if (version !== FORMAT_VERSION)
    reject(`format version ${version} is not supported, expected ${FORMAT_VERSION}`);
  const sum = (index: number): number => bytes.readDoubleLE(40 + 8 * index);
  const header: ShardHeader = {
    vocabularySize: word(12),
    k: word(16),
    shard: word(20),
    shardBits: word(24),
    pairs: word(28),
    tokens: word(32),
    fanBits: word(36),
    recordBytes: word(72),
    sums: { tailMass: sum(0), kl: sum(1), maxKl: sum(2), quantizationKl: sum(3) },
    plan: bytes.toString("hex", PLAN_AT, PLAN_AT + DIGEST_BYTES),
  };
  const { vocabularySize, k, fanBits, pairs } = header;
  if (vocabularySize > MAX_VOCABULARY || k === 0 || k > vocabularySize)
    reject(`keeps ${k} of a vocabulary of ${vocabularySize}`);
  if (fanBits !== fanBitsFor(pairs)) reject(`a fan of ${fanBits} bits for ${pairs} pairs`);
  if (Object.values(header.sums).some((value) => !(value >= 0 && value < Infinity)))
    reject("its sums are not finite");
  const { bytes: expected } = layoutOf(header);
  if (expected !== fileBytes) reject(`it has ${fileBytes} bytes, but its header says ${expected}`);
  return header;
}

/** The error for a corrupt file of a cache. */
export function corrupt(file: string, problem: string, cause?: unknown): SlmError {
  return new SlmError("DATA_INVALID", `teacher cache: ${file}: ${problem}`, {
    context: { file },
    suggestions: ["create the cache again: slm teacher cache RECIPE --force"],
    cause,
  });
}
