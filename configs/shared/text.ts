/** Sets a line of text: outlines of its characters side by side. */
import type { Contour } from "./coverage.js";
import type { Typeface } from "./fonts.js";
import { transformed, UNCHANGED } from "./outline.js";

export interface TextStyle {
  /** Distance of one line to the next that the font was drawn for [pixels]. */
  readonly size: number;
  /** Added between characters, in parts of the size. Default 0. */
  readonly spacing?: number;
}

/** Outlines of a text that begins at 0, 0 and stands on the line y = 0. */
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
