/**
 * The exact character map that SentencePiece compiles into a vocabulary: `Precompiled` of a `tokenizer.json`. The library
 * approximates every map by NFKC with some exceptions.
 *
 * | bytes                | content                                                                                   |
 * | -------------------- | ----------------------------------------------------------------------------------------- |
 * | 4                    | size of the trie in bytes                                                                 |
 * | size                 | trie over UTF-8 bytes as a double array of 32-bit units                                   |
 * | rest                 | replacements, each terminated by a zero byte                                              |
 *
 * A unit has its byte in bits 0 to 7, bit 8 set if a key ends there, its offset in bits 10 to 30 (times 256 if bit 9 is
 * set), and bit 31 set if it holds a value.
 *
 * SentencePiece and llama.cpp replace the longest key at a position. Hugging Face `tokenizers`, which defines `tokenizer.json`,
 * processes one grapheme at a time. It replaces the grapheme by the shortest key that it begins with; a grapheme of more than five
 * bytes is processed character by character. Text without a key is unchanged.
 *
 * Source: SentencePiece, `normalizer.cc`; Darts-clone, `darts.h`; spm_precompiled 0.1.4, which `tokenizers` calls.
 */
import { SlmError } from "@slm/core";
import { utf8Bytes, utf8Text } from "./utf8.js";

export type CharacterMap = (text: string) => string;

const VALUE = 0x8000_0000;
/** Bytes of a character by the upper half of its first one. */
const CHARACTER_BYTES = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4] as const;

/** Rules that select the key to replace: see above. */
export const MAP_RULES = ["longest", "graphemes"] as const;
export type MapRule = (typeof MAP_RULES)[number];

/** Graphemes of more bytes are looked up character by character. */
const MAX_GRAPHEME_BYTES = 5;

/** @throws SlmError DATA_INVALID for invalid bytes; the map itself throws it for an offset outside of the trie. */
export function characterMap(bytes: Uint8Array, rule: MapRule = "longest"): CharacterMap {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const trieBytes = bytes.byteLength < 4 ? -1 : view.getUint32(0, true);
  if (trieBytes < 4 || trieBytes % 4 !== 0 || 4 + trieBytes >= bytes.byteLength) {
    throw corrupt(`${bytes.byteLength} bytes claim a trie of ${trieBytes}`);
  }
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, at) => view.getUint32(4 + 4 * at, true));
  const replacements = bytes.subarray(4 + trieBytes);
  const unitAt = (index: number): number => {
    const unit = units[index];
    if (unit === undefined) throw corrupt(`unit ${index} of ${units.length}`);
    return unit;
  };
  const replacementAt = (start: number): Uint8Array => {
    const end = replacements.indexOf(0, start);
    if (end < 0) throw corrupt(`the replacement at ${start} does not end`);
    return replacements.subarray(start, end);
  };

  if (rule === "graphemes") {
    const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
    const find = (part: Uint8Array): Uint8Array | undefined => {
      const { length, value } = shortestKey(part, unitAt);
      return length > 0 ? replacementAt(value) : undefined;
    };
    return (text) => {
      const output: Uint8Array[] = [];
      for (const { segment } of segmenter.segment(text)) {
        const input = utf8Bytes(segment);
        const whole = input.length <= MAX_GRAPHEME_BYTES ? find(input) : undefined;
        if (whole !== undefined) output.push(whole);
        else
          for (const character of segment) {
            const part = utf8Bytes(character);
            output.push(find(part) ?? part);
          }
      }
      return utf8Text(output);
    };
  }
  return (text) => {
    const input = utf8Bytes(text);
    const output: Uint8Array[] = [];
    for (let at = 0; at < input.length;) {
      const { length, value } = longestKey(input, at, unitAt);
      const step = length > 0 ? length : CHARACTER_BYTES[input[at]! >> 4]!;
      output.push(length > 0 ? replacementAt(value) : input.subarray(at, at + step));
      at += step;
    }
    return utf8Text(output);
  };
}

interface Key {
  /** [bytes]; 0 if there is no key */
  readonly length: number;
  readonly value: number;
}

type UnitAt = (index: number) => number;

function longestKey(input: Uint8Array, from: number, unitAt: UnitAt): Key {
  let found: Key = { length: 0, value: 0 };
  for (const key of keysAt(input, from, unitAt)) found = key;
  return found;
}

function shortestKey(input: Uint8Array, unitAt: UnitAt): Key {
  const [first] = keysAt(input, 0, unitAt);
  return first ?? { length: 0, value: 0 };
}

/** The keys that match at a position, shortest first. */
function* keysAt(input: Uint8Array, from: number, unitAt: UnitAt): Generator<Key> {
  let node = offsetOf(unitAt(0));
  for (let at = from; at < input.length; at += 1) {
    const byte = input[at]!;
    if (byte === 0) return;
    node ^= byte;
    const unit = unitAt(node);
    // A unit with a value never equals a byte, because its highest bit is set.
    if ((unit & (VALUE | 0xff)) >>> 0 !== byte) return;
    node ^= offsetOf(unit);
    if (((unit >>> 8) & 1) === 1) yield { length: at - from + 1, value: unitAt(node) & ~VALUE };
  }
}

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);

const corrupt = (reason: string): SlmError =>
  new SlmError("DATA_INVALID", `tokenizer: precompiled_charsmap is corrupt: ${reason}`);
