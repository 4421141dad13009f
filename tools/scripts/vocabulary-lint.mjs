/**
 * Checks how tracked text reads. Prints file:line, what was found and what to write instead; exit 1 if there is a finding.
 *
 * - The patterns of `vocabulary.tsv`: `text` for words that the field has a better term for, in all text; `prose` for word-for-word
 *   translations, in Markdown, comments, and string literals of at least four words. A space in a pattern of `prose` also matches a line
 *   break. Tests and data modules are only checked in their comments. To ban another word, count its hits in the tree and add a row.
 * - Sentences of more than 35 words in documentation, and table cells of more than 100 characters in README.md and the how-tos.
 *
 *   npm run vocabulary                    all files
 *   npm run vocabulary -- FILE...         only these files
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lineAt, longCells, longSentences, markdownProse, scriptProse, yamlProse } from "./prose.mjs";

const TEXT = /\.(?:md|ts|mjs|js|yaml|yml|svg|html|css)$/;
/** Files that are not checked: history, tables of earlier words, and this lint. */
const EXEMPT = [
  /^docs\/glossary\.md$/,
  /^docs\/log\.md$/,
  /^docs\/decisions\//,
  /^CHANGELOG\.md$/,
  /^tools\/scripts\/(?:prose|vocabulary-lint)/,
  /(?:^|\/)fixtures\//,
];

/** Correct uses: the file, and a part of its line. */
export const ALLOWED = [
  { file: "packages/report/src/line-chart.ts", text: "behind the curves" }, // The order in which a chart is drawn.
  { file: "packages/tokenizer/src/patterns/program.ts", text: "or behind" }, // Look-behind of regular expressions.
];

/** The rows of `vocabulary.tsv`. `example` is a text that the pattern finds (the test checks each). */
export const WORDS = readFileSync(join(import.meta.dirname, "vocabulary.tsv"), "utf8")
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => {
    const [where = "", example = "", source = "", say = ""] = line.split("\t");
    const pattern = where === "prose" ? source.replaceAll(" ", String.raw`\s+`) : source;
    return { where, example, say, pattern: new RegExp(pattern, "gi") };
  });

/** Scripts whose string literals are data or titles of tests. */
const STRINGS_ARE_DATA =
  /\.test\.ts$|\/prompts\.mjs$|^configs\/|^e2e\/|(?:^|\/)(?:testing|wrong-inputs|tasks)\//;
const PAGE = /^(?:[A-Z]+\.md|docs\/.*\.md)$/;
const HAS_SHORT_CELLS = /^(?:README\.md|docs\/how-to\/.*\.md)$/;
const MOST_WORDS = 35;
const MOST_CELL_CHARACTERS = 100;

/** Generated from help and settings, which are checked where they are written. */
const IS_GENERATED = /^(?:docs\/reference\/|SKILL\.md$)/;

function proseOf(/** @type {string} */ file, /** @type {string} */ text) {
  if (IS_GENERATED.test(file)) return "";
  if (file.endsWith(".md")) return markdownProse(text);
  if (/\.ya?ml$/.test(file)) return yamlProse(text);
  return /\.(?:ts|mjs|js)$/.test(file) ? scriptProse(text, STRINGS_ARE_DATA.test(file)) : "";
}

/** The findings in a file, with the line (from 1), the words found and what to write instead. */
export function findingsIn(/** @type {string} */ file, /** @type {string} */ text) {
  const prose = proseOf(file, text);
  const lines = text.split("\n");
  const words = WORDS.flatMap(({ where, pattern, say }) => {
    const searched = where === "prose" ? prose : text;
    return [...searched.matchAll(pattern)].map((match) => ({
      line: lineAt(searched, match.index),
      found: oneLine(match[0]),
      say,
    }));
  }).filter(
    ({ line }) =>
      !ALLOWED.some((allowed) => allowed.file === file && lines[line - 1]?.includes(allowed.text)),
  );
  const sentences = PAGE.test(file) ? longSentences(prose, MOST_WORDS) : [];
  const cells = HAS_SHORT_CELLS.test(file) ? longCells(text, MOST_CELL_CHARACTERS) : [];
  return [
    ...words,
    ...sentences.map(({ line, words: count, text: sentence }) => ({
      line,
      found: `${oneLine(sentence).slice(0, 60)}...`,
      say: `it in sentences of at most ${MOST_WORDS} words: this one has ${count}`,
    })),
    ...cells.map(({ line, length, text: cell }) => ({
      line,
      found: `${cell.slice(0, 60)}...`,
      say: `it in at most ${MOST_CELL_CHARACTERS} characters, or below the table: this cell has ${length}`,
    })),
  ].sort((a, b) => a.line - b.line);
}

const oneLine = (/** @type {string} */ text) => text.replaceAll(/\s+/g, " ").trim();

/** Tracked and new files that the lint reads. */
function filesToRead() {
  return execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { encoding: "utf8" })
    .split("\n")
    .filter((file) => TEXT.test(file) && existsSync(file) && !EXEMPT.some((exempt) => exempt.test(file)));
}

function main(/** @type {string[]} */ named) {
  const files = named.length > 0 ? named : filesToRead();
  const findings = files.flatMap((file) =>
    findingsIn(file, readFileSync(file, "utf8")).map((finding) => ({ file, ...finding })),
  );
  for (const { file, line, found, say } of findings) console.log(`${file}:${line}: '${found}': say ${say}`);
  console.log(`${files.length} files, ${findings.length} findings`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}

if (process.argv[1] === import.meta.filename) main(process.argv.slice(2));
