/** Parses CLDR's patterns of dates: letters are fields; quoted text and other characters are literal. */
export type PatternPart =
  | { readonly text: string }
  /** A repeated letter. */
  | { readonly field: string };

/** Parts of a pattern in order. `''` is an apostrophe. */
export function partsOf(pattern: string): readonly PatternPart[] {
  const parts: PatternPart[] = [];
  for (const [whole, quoted, field] of pattern.matchAll(/'((?:[^']|'')*)'|(([A-Za-z])\3*)|[^A-Za-z']+/gu)) {
    if (field !== undefined) parts.push({ field });
    else
      parts.push({ text: quoted === undefined ? whole : quoted === "" ? "'" : quoted.replaceAll("''", "'") });
  }
  return parts;
}
