/**
 * Loads typefaces from packages, as outlines of characters.
 *
 * System fonts are never used, so a text looks the same on every machine.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Font, Glyph, PathCommand } from "opentype.js";
import type { Contour } from "./coverage.js";

/** All typefaces. Generated rows depend on the order, so add new ones at the end. Licences: SIL OFL 1.1. */
export const FACES = [
  "lato-400-normal",
  "lato-700-normal",
  "lato-400-italic",
  "karla-400-normal",
  "karla-700-normal",
  "crimson-text-400-normal",
  "crimson-text-600-normal",
  "crimson-text-400-italic",
  "libre-baskerville-400-normal",
  "libre-baskerville-400-italic",
  "zilla-slab-400-normal",
  "zilla-slab-700-normal",
  "courier-prime-400-normal",
  "courier-prime-700-normal",
  "space-mono-400-normal",
  "space-mono-400-italic",
  "patrick-hand-400-normal",
] as const;
export type Face = (typeof FACES)[number];

/** One character, relative to the font size; y grows downwards from the baseline. */
interface Letter {
  readonly contours: readonly Contour[];
  readonly advance: number;
}

export interface Typeface {
  /** @throws Error for a character that the typeface lacks. Texts contain only characters of all typefaces. */
  readonly letter: (character: string) => Letter;
  /** Kerning of two adjacent characters, relative to the size. */
  readonly kerning: (left: string, right: string) => number;
}

const opened = new Map<Face, Promise<Typeface>>();

export function openTypeface(face: Face): Promise<Typeface> {
  const typeface = opened.get(face) ?? loadTypeface(face);
  opened.set(face, typeface);
  return typeface;
}

async function loadTypeface(face: Face): Promise<Typeface> {
  const { default: opentype } = await import("opentype.js");
  const bytes = await readFile(fileOf(face));
  // A copy, because a small file's buffer is a part of a larger one.
  const font = opentype.parse(Uint8Array.from(bytes).buffer);
  const glyphs = new Map<string, Glyph>();
  const letters = new Map<string, Letter>();
  const pairs = new Map<string, number>();
  const glyphOf = (character: string): Glyph =>
    remember(glyphs, character, () => find(font, face, character));
  return {
    letter: (character) => remember(letters, character, () => letterOf(font, glyphOf(character))),
    kerning: (left, right) =>
      remember(
        pairs,
        left + right,
        () => font.getKerningValue(glyphOf(left), glyphOf(right)) / font.unitsPerEm,
      ),
  };
}

/** `lato-400-italic` is in the package `@fontsource/lato`, in the file with Latin letters. */
function fileOf(face: Face): string {
  const [, family, weight, style] = /^(.+)-(\d+)-(\w+)$/.exec(face)!;
  const require = createRequire(import.meta.url);
  return require.resolve(`@fontsource/${family}/files/${family}-latin-${weight}-${style}.woff`);
}

function remember<Value>(known: Map<string, Value>, key: string, make: () => Value): Value {
  const before = known.get(key);
  if (before !== undefined) return before;
  const value = make();
  known.set(key, value);
  return value;
}

function find(font: Font, face: Face, character: string): Glyph {
  if (font.charToGlyphIndex(character) === 0)
    throw new Error(`fonts: ${face} has no character ${JSON.stringify(character)}`);
  return font.charToGlyph(character);
}

function letterOf({ unitsPerEm }: Font, glyph: Glyph): Letter {
  const contours = contoursOf(glyph.path.commands).map((points) =>
    Float64Array.from(points, (value, index) => (index % 2 === 0 ? value : -value) / unitsPerEm),
  );
  return { contours, advance: (glyph.advanceWidth ?? 0) / unitsPerEm };
}

/** Lines per curve. For letters of 60 pixels, the error is less than a tenth of a pixel. */
const CURVE_LINES = 5;

function contoursOf(commands: readonly PathCommand[]): readonly (readonly number[])[] {
  const contours: number[][] = [];
  for (const command of commands) {
    if (command.type === "M") contours.push([command.x, command.y]);
    const points = contours.at(-1);
    if (points === undefined || command.type === "M" || command.type === "Z") continue;
    const [x0, y0] = [points.at(-2)!, points.at(-1)!];
    const { x, y } = command;
    if (command.type === "L") {
      points.push(x, y);
      continue;
    }
    for (let line = 1; line <= CURVE_LINES; line++) {
      const t = line / CURVE_LINES;
      const u = 1 - t;
      if (command.type === "Q") {
        const [p, q, r] = [u * u, 2 * u * t, t * t];
        points.push(p * x0 + q * command.x1 + r * x, p * y0 + q * command.y1 + r * y);
      } else {
        const [p, q, r, s] = [u ** 3, 3 * u * u * t, 3 * u * t * t, t ** 3];
        points.push(
          p * x0 + q * command.x1 + r * command.x2 + s * x,
          p * y0 + q * command.y1 + r * command.y2 + s * y,
        );
      }
    }
  }
  return contours;
}
