/**
 * Normalization of a SentencePiece model: its character map, and its handling of spaces.
 *
 * Source: SentencePiece 0.2, `normalizer.cc` (`Normalize`, `NormalizePrefix`).
 */
import { prefixMap, type ReplacedPrefix } from "../text/character-map.js";
import type { NormalizerSpec } from "./model-proto.js";
import type { PrefixMatcher } from "./prefix-matcher.js";

/** Represents a space in pieces. */
export const SPACE = "\u2581";

export interface NormalizerOptions {
  /** Symbols that are not normalized. */
  readonly symbols: PrefixMatcher;
  readonly whitespaceIsSuffix: boolean;
}

/** @throws SlmError DATA_INVALID for an invalid character map; the returned function throws it for an offset outside of the map's table */
export function sentencePieceNormalizer(
  { characterMap, addDummyPrefix, removeExtraWhitespaces, escapeWhitespaces }: NormalizerSpec,
  { symbols, whitespaceIsSuffix }: NormalizerOptions,
): (text: string) => string {
  const replaced = characterMap.length === 0 ? undefined : prefixMap(characterMap);
  const space = escapeWhitespaces ? SPACE : " ";

  const prefixAt = (text: string, at: number): ReplacedPrefix => {
    const symbolEnd = symbols.endOf(text, at);
    if (symbolEnd > at) return { end: symbolEnd, value: text.slice(at, symbolEnd) };
    const end = at + (text.codePointAt(at)! > 0xffff ? 2 : 1);
    return replaced?.(text, at) ?? { end, value: text.slice(at, end) };
  };
  /** End of the leading spaces of a text. */
  const spacesEnd = (text: string): number => {
    let at = 0;
    while (at < text.length) {
      const { end, value } = prefixAt(text, at);
      if (value !== " ") break;
      at = end;
    }
    return at;
  };

  return (text) => {
    const from = removeExtraWhitespaces ? spacesEnd(text) : 0;
    // A text of only spaces gets no dummy prefix.
    if (from === text.length) return "";
    let output = addDummyPrefix && !whitespaceIsSuffix ? space : "";
    let isAfterSpace = removeExtraWhitespaces;
    for (let at = from; at < text.length;) {
      const { end, value } = prefixAt(text, at);
      at = end;
      const part = isAfterSpace ? value.replace(/^ +/u, "") : value;
      if (part === "") continue;
      isAfterSpace = removeExtraWhitespaces && part.endsWith(" ");
      output += part.replaceAll(" ", space);
    }
    if (removeExtraWhitespaces) output = withoutEnd(output, space);
    return addDummyPrefix && whitespaceIsSuffix ? output + space : output;
  };
}

function withoutEnd(text: string, end: string): string {
  let length = text.length;
  while (length > 0 && text.startsWith(end, length - 1)) length--;
  return text.slice(0, length);
}
