/**
 * Checks how tracked text reads. Prints file:line, what was found and what to write instead; exit 1 if there is a finding.
 *
 * - Idioms that the field has a better word for, in all text (`banned-idioms.mjs`). Files that keep history, and the table of renamed recipe
 *   keys, may use them.
 * - Word-for-word translations, in prose (`calques.mjs`): Markdown, comments, and string literals of at least four words. Tests and data
 *   modules are only checked in their comments.
 * - Sentences of more than 35 words in documentation, and table cells of more than 100 characters in README.md and the how-tos.
 *
 *   npm run vocabulary                    all files
 *   npm run vocabulary -- FILE...         only these files
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { BANNED_IDIOMS } from "./banned-idioms.mjs";
import { ALLOWED, CALQUES } from "./calques.mjs";
import { lineAt, longCells, longSentences, markdownProse, scriptProse, yamlProse } from "./prose.mjs";

const TEXT = /\.(?:md|ts|mjs|js|yaml|yml|svg|html|css)$/;
/** Files that are not checked: history, tables of earlier words, and this lint. */
const EXEMPT = [
  /^docs\/glossary\.md$/,
  /^docs\/log\.md$/,
  /^docs\/decisions\//,
  /^CHANGELOG\.md$/,
  /^packages\/exported-model\/src\/device-model(?:-file\.test)?\.ts$/,
  /^tools\/scripts\/(?:banned-idioms|calques|prose|vocabulary-lint)/,
  /(?:^|\/)fixtures\//,
];

/** All banned idioms in a text: line (from 1), the words found, and the row of the table. */
export function findIdioms(/** @type {string} */ text) {
  return text.split("\n").flatMap((line, index) =>
    BANNED_IDIOMS.flatMap((row) => {
      const found = row.pattern.exec(line);
      return found === null ? [] : [{ line: index + 1, found: found[0], row }];
    }),
  );
}

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

/** Calques, long sentences and long cells of a file, with the line (from 1), the words found and what to write instead. */
export function findInProse(/** @type {string} */ file, /** @type {string} */ text) {
  const prose = proseOf(file, text);
  const lines = text.split("\n");
  const calques = CALQUES.flatMap(({ pattern, say }) =>
    [...prose.matchAll(pattern)].map((match) => ({
      line: lineAt(prose, match.index),
      found: oneLine(match[0]),
      say,
    })),
  ).filter(
    ({ line }) =>
      !ALLOWED.some((allowed) => allowed.file === file && lines[line - 1]?.includes(allowed.text)),
  );
  const sentences = PAGE.test(file) ? longSentences(prose, MOST_WORDS) : [];
  const cells = HAS_SHORT_CELLS.test(file) ? longCells(text, MOST_CELL_CHARACTERS) : [];
  return [
    ...calques,
    ...sentences.map(({ line, words, text: sentence }) => ({
      line,
      found: `${oneLine(sentence).slice(0, 60)}...`,
      say: `it in sentences of at most ${MOST_WORDS} words: this one has ${words}`,
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
  const findings = files.flatMap((file) => {
    const text = readFileSync(file, "utf8");
    return [
      ...findIdioms(text).map(({ line, found, row: { say } }) => ({ file, line, found, say })),
      ...findInProse(file, text).map((finding) => ({ file, ...finding })),
    ];
  });
  for (const { file, line, found, say } of findings) console.log(`${file}:${line}: '${found}': say ${say}`);
  console.log(`${files.length} files, ${findings.length} findings`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}

if (process.argv[1] === import.meta.filename) main(process.argv.slice(2));
