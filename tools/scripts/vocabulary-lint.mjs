/**
 * Finds idioms for which the field has a better term (`banned-idioms.mjs`) in all tracked text. Prints file:line, the idiom and the better
 * term. Exit code 1 if there are any. Files that record history, and the table of renamed recipe keys, may contain them.
 *
 *   npm run vocabulary                    all files
 *   npm run vocabulary -- FILE...         only these files
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { BANNED_IDIOMS } from "./banned-idioms.mjs";

const TEXT = /\.(?:md|ts|mjs|js|yaml|yml|svg|html|css)$/;
/** Files that are not checked: history, tables of earlier words, and this lint. */
const EXEMPT = [
  /^docs\/glossary\.md$/,
  /^docs\/log\.md$/,
  /^docs\/decisions\//,
  /^CHANGELOG\.md$/,
  /^packages\/exported-model\/src\/device-model(?:-file\.test)?\.ts$/,
  /^tools\/scripts\/(?:banned-idioms|vocabulary-lint)/,
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

/** Tracked and new files to check. */
function filesToRead() {
  return execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { encoding: "utf8" })
    .split("\n")
    .filter((file) => TEXT.test(file) && existsSync(file) && !EXEMPT.some((exempt) => exempt.test(file)));
}

function main(/** @type {string[]} */ named) {
  const files = named.length > 0 ? named : filesToRead();
  const findings = files.flatMap((file) =>
    findIdioms(readFileSync(file, "utf8")).map((finding) => ({ file, ...finding })),
  );
  for (const { file, line, found, row } of findings)
    console.log(`${file}:${line}: '${found}': say ${row.say}`);
  console.log(`${files.length} files, ${findings.length} banned idioms`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}

if (process.argv[1] === import.meta.filename) main(process.argv.slice(2));
