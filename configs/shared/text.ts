/** Typesets a line of text. */
import type { Contour } from "./coverage.js";
import type { Typeface } from "./fonts.js";
import { transformed, UNCHANGED } from "./outline.js";

export interface TextStyle {
  /** The font's line height [pixels]. */
  readonly size: number;
  /** Letter spacing relative to the size. Default: 0. */
  readonly spacing?: number;
}

/** Outlines of a text that starts at x = 0 with the baseline y = 0. */
export function outlinesOf(
  typeface: Typeface,
  text: string,
  { size, spacing = 0 }: TextStyle,
): readonly Contour[] {
  const outlines: Contour[] = [];
  let pen = 0;
  let before: string | undefined;
  for (const character of text) {
    if (before !== undefined) pen += typeface.kerning(before, character) + spacing;
    const { contours, advance } = typeface.letter(character);
    const place = { ...UNCHANGED, a: size, d: size, e: pen * size };
    for (const contour of contours) outlines.push(transformed(contour, place));
    pen += advance;
    before = character;
  }
  return outlines;
}
