/**
 * Lines of text in many scripts, for comparisons of tokenizers: the compiler messages of TypeScript in thirteen languages, the texts of
 * tools/interop/texts.mjs, and random Unicode. The same arguments give the same lines.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { TEXTS } from "../texts.mjs";

const MESSAGES = "diagnosticMessages.generated.json";
/** Share of the lines that is random. */
const RANDOM_SHARE = 0.4;
/** Characters that libraries with newer tables of Unicode cut or map differently. */
const known = /^\P{Unassigned}*$/u;

/** Lines of each language in turn. */
function messages() {
  const library = dirname(createRequire(import.meta.url).resolve("typescript"));
  const languages = readdirSync(library, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => Object.values(JSON.parse(readFileSync(join(library, name, MESSAGES), "utf8"))));
  const longest = Math.max(...languages.map(({ length }) => length));
  return Array.from({ length: longest }, (_, index) => languages.map((lines) => lines[index]))
    .flat()
    .filter((line) => line !== undefined && line.trim() !== "");
}

const SPACES = [" ", "   ", "\n\n", "\t", "\r\n", "\u00a0", "\u0085", "\u3000", "\u200b", "\ufeff", "\0"];
const SIGNS = [
  "e\u0301",
  "\ufdfa",
  "\u2581",
  "ﬁ",
  "½",
  "①",
  "👩‍👩‍👧‍👦",
  "🇩🇪",
  "漢字",
  "กำ",
  "\u0e33",
  "ㅎㅏㄴ",
  "İ",
  "ß",
];

/** Random lines: characters of all planes, graphemes, ASCII, spaces of all kinds, and words of `words` between them. */
function randomLines(words, count, seed) {
  const part = fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 12 }),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }),
    fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 12 }),
    fc.constantFrom(...SPACES),
    fc.constantFrom(...SIGNS),
    fc.constantFrom(...words),
  );
  const line = fc
    .array(part, { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join(""))
    .filter((text) => known.test(text) && text.trim() !== "");
  return fc.sample(line, { numRuns: count, seed });
}

/** Lines to train vocabularies with. */
export const trainingLines = () => messages().filter((_, index) => index % 3 !== 0);

/** @param count number of lines */
export function unicodeLines(count, seed = 1) {
  const others = messages().filter((_, index) => index % 3 === 0);
  const random = Math.round(count * RANDOM_SHARE);
  return [
    ...TEXTS,
    ...others.slice(0, count - random - TEXTS.length),
    ...randomLines(others.slice(0, 2000), random, seed),
  ];
}
