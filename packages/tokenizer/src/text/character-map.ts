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
 * set), and bit 31 set if it contains a value.
 *
 * SentencePiece and llama.cpp replace the longest key at a position. Hugging Face `tokenizers`, which defines `tokenizer.json`,
 * processes one grapheme at a time. It replaces the grapheme by the shortest key that it starts with; a grapheme of more than five
 * bytes is processed character by character. Text without a key is unchanged.
 *
 * Source: SentencePiece, `normalizer.cc`; Darts-clone, `darts.h`; spm_precompiled 0.1.4, which `tokenizers` calls.
 */
import { SlmError } from "@slm/core";
import { utf8Bytes, utf8Text } from "./utf8.js";

export type CharacterMap = (text: string) => string;

const VALUE = 0x8000_0000;

/** Rules that select the key to replace: see above. */
export const MAP_RULES = ["longest", "graphemes"] as const;
export type MapRule = (typeof MAP_RULES)[number];

/** Longer graphemes are looked up character by character. */
const MAX_GRAPHEME_BYTES = 5;

interface Table extends MapTable {
  readonly unitAt: UnitAt;
  readonly replacementAt: (start: number) => Uint8Array;
}

/** @throws SlmError DATA_INVALID for invalid bytes; the returned functions throw it for an offset outside of the table */
function tableOf(bytes: Uint8Array): Table {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const trieBytes = bytes.byteLength < 4 ? -1 : view.getUint32(0, true);
  if (trieBytes < 4 || trieBytes % 4 !== 0 || 4 + trieBytes >= bytes.byteLength) {
    throw corrupt(`${bytes.byteLength} bytes claim a trie of ${trieBytes}`);
  }
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, at) => view.getUint32(4 + 4 * at, true));
  const replacements = bytes.subarray(4 + trieBytes);
  return {
    units,
    replacements,
    unitAt(index) {
      const unit = units[index];
      if (unit === undefined) throw corrupt(`unit ${index} of ${units.length}`);
      return unit;
    },
    replacementAt(start) {
      const end = replacements.indexOf(0, start);
      if (end < 0) throw corrupt(`the replacement at ${start} does not end`);
      if (end - start > MAX_REPLACEMENT_BYTES)
        throw corrupt(`the replacement at ${start} has ${end - start} bytes`);
      return replacements.subarray(start, end);
    },
  };
}

/** The key at a position of a text, up to `end` [UTF-16 units], and its replacement. */
export interface ReplacedPrefix {
  readonly end: number;
  readonly value: string;
}

/** Longest replacement; published maps have at most 33 [bytes]. A crafted one would make texts a million times longer. */
const MAX_REPLACEMENT_BYTES = 1024;
/** Longest key [bytes]; keys of published maps have at most 24. Limits the time per position for a crafted table. */
const MAX_KEY_BYTES = 256;

/**
 * The longest key of a map at a position of a text, as SentencePiece finds it; undefined if there is none.
 *
 * @throws SlmError DATA_INVALID as {@link characterMap}
 */
export function prefixMap(bytes: Uint8Array): (text: string, at: number) => ReplacedPrefix | undefined {
  const { unitAt, replacementAt } = tableOf(bytes);
  const root = offsetOf(unitAt(0));
  const texts = new Map<number, string>();
  const textAt = (start: number): string => {
    const known = texts.get(start);
    if (known !== undefined) return known;
    const text = utf8Text([replacementAt(start)]);
    texts.set(start, text);
    return text;
  };
  return (text, from) => {
    let end = from;
    let longest = 0;
    let node = root;
    for (let at = from, walked = 0; at < text.length && walked < MAX_KEY_BYTES;) {
      const character = text.codePointAt(at)!;
      at += character > 0xffff ? 2 : 1;
      const bytesOfIt = utf8OfCharacter(character);
      const step = stepsOf(node, bytesOfIt, unitAt);
      if (step === undefined) break;
      walked += bytesOfIt.length;
      ({ node } = step);
      if (step.value !== undefined) [end, longest] = [at, step.value];
    }
    return end === from ? undefined : { end, value: textAt(longest) };
  };
}

const REPLACEMENT_CHARACTER = "\ufffd";

/** A map as programs read it without this package. */
export interface MapTable {
  /** The trie. */
  readonly units: Uint32Array;
  /** The replacements; the last one ends with a zero. */
  readonly replacements: Uint8Array;
}

/** @throws SlmError DATA_INVALID for invalid bytes, and for a replacement that is not a text */
export function mapTable(bytes: Uint8Array): MapTable {
  const { units, replacements } = tableOf(bytes);
  const isStart = (at: number): boolean =>
    at < replacements.length && (at === 0 || replacements[at - 1] === 0);
  const wrong = units.find((unit) => unit >= VALUE && !isStart(unit - VALUE));
  if (wrong !== undefined) throw corrupt(`no replacement starts at ${wrong - VALUE}`);
  if (utf8Text([replacements]).includes(REPLACEMENT_CHARACTER))
    throw corrupt("a replacement is not UTF-8, or is U+FFFD");
  return { units, replacements: Uint8Array.from([...replacements, 0]) };
}

/** Whether a key starts with some bytes. */
export function isKeyStart({ units }: MapTable, bytes: readonly number[]): boolean {
  const unitAt: UnitAt = (index) => units[index] ?? VALUE;
  return stepsOf(offsetOf(unitAt(0)), bytes, unitAt) !== undefined;
}

/** @throws SlmError DATA_INVALID for invalid bytes; the returned map throws it for an offset outside of the trie. */
export function characterMap(bytes: Uint8Array, rule: MapRule = "longest"): CharacterMap {
  if (rule === "longest") {
    const prefixAt = prefixMap(bytes);
    return (text) => {
      let output = "";
      for (let at = 0; at < text.length;) {
        const end = at + (text.codePointAt(at)! > 0xffff ? 2 : 1);
        const prefix = prefixAt(text, at) ?? { end, value: text.slice(at, end) };
        output += prefix.value;
        at = prefix.end;
      }
      return output;
    };
  }
  const { unitAt, replacementAt } = tableOf(bytes);
  const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const find = (part: Uint8Array): Uint8Array | undefined => {
    const value = shortestKey(part, unitAt);
    return value === undefined ? undefined : replacementAt(value);
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

type UnitAt = (index: number) => number;

/** Value of the shortest key at the start of the bytes. */
function shortestKey(input: Uint8Array, unitAt: UnitAt): number | undefined {
  let node = offsetOf(unitAt(0));
  for (const byte of input) {
    const step = stepOf(node, byte, unitAt);
    if (step === undefined || step.value !== undefined) return step?.value;
    ({ node } = step);
  }
  return undefined;
}

interface Step {
  readonly node: number;
  /** Value of the key that ends here. */
  readonly value: number | undefined;
}

/** Follows one byte; undefined if no key continues with it. */
function stepOf(node: number, byte: number, unitAt: UnitAt): Step | undefined {
  if (byte === 0) return undefined;
  const at = node ^ byte;
  const unit = unitAt(at);
  // A unit with a value never equals a byte, because its highest bit is set.
  if ((unit & (VALUE | 0xff)) >>> 0 !== byte) return undefined;
  const next = at ^ offsetOf(unit);
  return { node: next, value: ((unit >>> 8) & 1) === 1 ? unitAt(next) & ~VALUE : undefined };
}

/** Follows the bytes of a character. */
function stepsOf(node: number, bytes: readonly number[], unitAt: UnitAt): Step | undefined {
  let step: Step | undefined = { node, value: undefined };
  for (const byte of bytes) {
    step = stepOf(step.node, byte, unitAt);
    if (step === undefined) return undefined;
  }
  return step;
}

/** UTF-8 bytes of a character. */
function utf8OfCharacter(code: number): readonly number[] {
  if (code < 0x80) return [code];
  const tail = 0x80 | (code & 0x3f);
  if (code < 0x800) return [0xc0 | (code >> 6), tail];
  const middle = 0x80 | ((code >> 6) & 0x3f);
  if (code < 0x1_0000) return [0xe0 | (code >> 12), middle, tail];
  return [0xf0 | (code >> 18), 0x80 | ((code >> 12) & 0x3f), middle, tail];
}

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);

const corrupt = (reason: string): SlmError =>
  new SlmError("DATA_INVALID", `tokenizer: precompiled_charsmap is corrupt: ${reason}`);
