/**
 * The table of a `Precompiled` normalizer: sentencepiece's rules (NFKC and more) as a double array of byte strings.
 *
 * Layout: 4 bytes with the size of the array in bytes, the array of 32-bit units, then the replacements as texts that end in NUL.
 * Source: the double array of Darts-clone; spm_precompiled, which Hugging Face `tokenizers` normalizes by.
 */
import { refuse } from "./component.js";

/** Graphemes of more bytes are looked up character by character. */
const MAX_GRAPHEME_BYTES = 5;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Unit of the array: is there a value below, which byte leads here, where the units below begin. */
const hasLeaf = (unit: number): boolean => ((unit >>> 8) & 1) === 1;
const labelOf = (unit: number): number => unit & 0x800000ff;
const valueOf = (unit: number): number => unit & 0x7fffffff;
const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);

/**
 * What the table makes of a text.
 *
 * @throws SlmError DATA_INVALID if the table is damaged
 */
export function compileCharsmap(base64: string): (text: string) => string {
  const bytes = Buffer.from(base64, "base64");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 4 ? -1 : view.getUint32(0, true);
  if (size < 4 || size % 4 !== 0 || 4 + size > bytes.length)
    throw refuse(`Precompiled: the array claims ${size} bytes of ${bytes.length}`);
  const units = Uint32Array.from({ length: size / 4 }, (_, index) => view.getUint32(4 + 4 * index, true));
  const replacements = bytes.subarray(4 + size);

  /** The replacement of the shortest prefix that has one. */
  const find = (text: string): string | undefined => {
    let position = offsetOf(units[0]!);
    for (const byte of ENCODER.encode(text)) {
      position ^= byte;
      const unit = units[position];
      if (byte === 0 || unit === undefined || labelOf(unit) !== byte) return undefined;
      position ^= offsetOf(unit);
      if (hasLeaf(unit)) return textAt(replacements, valueOf(units[position] ?? 0));
    }
    return undefined;
  };
  const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return (text) => {
    let result = "";
    for (const { segment } of segmenter.segment(text)) {
      const whole = Buffer.byteLength(segment) <= MAX_GRAPHEME_BYTES ? find(segment) : undefined;
      if (whole !== undefined) result += whole;
      else for (const character of segment) result += find(character) ?? character;
    }
    return result;
  };
}

function textAt(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start);
  if (start >= bytes.length || end < 0)
    throw refuse(`Precompiled: no text at byte ${start} of ${bytes.length}`);
  return DECODER.decode(bytes.subarray(start, end));
}
