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

/** All 256 characters in the order of their code points, which is the order of their ids. */
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

/** The bytes of a text in UTF-8, each as its character. */
export function byteSymbols(text: string): string {
  let symbols = "";
  for (const character of text) symbols += SHORT[character.codePointAt(0)!] ?? spelled(character);
  return symbols;
}

const spelled = (character: string): string =>
  Array.from(utf8Bytes(character), (byte) => BYTE_CHARACTERS[byte]!).join("");

/** Of each character that UTF-8 writes as one or two bytes, by its code point: calls of an encoder cost far more than a look-up. */
const SHORT: readonly string[] = Array.from({ length: 0x800 }, (_, code) =>
  spelled(String.fromCodePoint(code)),
);
