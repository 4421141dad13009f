/**
 * The characters that represent bytes in a byte-level vocabulary: printable bytes represent themselves, the others are mapped to
 * characters from U+0100 on, so that a token never contains whitespace or an incomplete character.
 *
 * Source: the byte encoder of GPT-2; `ByteLevel` in Hugging Face `tokenizers`.
 */
import { utf8Bytes } from "./utf8.js";

const PRINTABLE: readonly (readonly [from: number, to: number])[] = [
  [0x21, 0x7e],
  [0xa1, 0xac],
  [0xae, 0xff],
];
const FIRST_STAND_IN = 0x100;

/** The character of each byte, by its value. */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters();

/** All 256 characters in code point order, which is their id order. */
export const BYTE_ALPHABET: readonly string[] = BYTE_CHARACTERS.toSorted(
  (left, right) => left.codePointAt(0)! - right.codePointAt(0)!,
);

function byteCharacters(): readonly string[] {
  let standIn = FIRST_STAND_IN;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = PRINTABLE.some(([from, to]) => byte >= from && byte <= to);
    return String.fromCodePoint(isPrintable ? byte : standIn++);
  });
}

/** The UTF-8 bytes of a text, each as its character. */
export function byteSymbols(text: string): string {
  let symbols = "";
  for (const character of text) symbols += symbolsOf(character);
  return symbols;
}

function symbolsOf(character: string): string {
  const code = character.codePointAt(0)!;
  return code < SHORT.length ? (SHORT[code] ??= spelled(character)) : spelled(character);
}

const spelled = (character: string): string =>
  Array.from(utf8Bytes(character), (byte) => BYTE_CHARACTERS[byte]!).join("");

/**
 * For each character of one or two UTF-8 bytes that has occurred, by code point: a look-up is much faster than calling an encoder.
 */
const SHORT: (string | undefined)[] = Array.from({ length: 0x800 });
