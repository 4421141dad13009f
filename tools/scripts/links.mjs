/**
 * Checks relative links and anchors in Markdown files, and paths in code spans (`packages/...`, `apps/...`, `tools/...`, `configs/...`,
 * `docs/...`, `e2e/...`). In a package's README `src/...` is a path in the package. In tables with `package` as the first column, files in the
 * last column are relative to `packages/<package>/src`. Names in code spans (`readRows`) and in TypeScript examples must occur in the code.
 * In files that record history, only links are checked. Prints file:line and the missing target. Exit code 1 if a target is missing.
 *
 *   npm run links
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const HISTORY = /^(CHANGELOG\.md|docs\/log\.md|docs\/decisions\/)/;
const ROOTED = /^(?:packages|apps|tools|configs|docs|e2e)\/[\w./-]+$/;
const IN_PACKAGE = /^src\/[\w./-]+$/;
const PACKAGE_README = /^(?:packages|apps)\/[\w-]+\/README\.md$/;

const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.md"], { encoding: "utf8" })
  .split("\n")
  .filter((file) => file !== "" && existsSync(file));

/** GitHub's anchors for the headings of a file. */
function anchorsOf(/** @type {string} */ file) {
  return new Set(
    readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => /^#{1,6} /.test(line))
      .map((line) =>
        line
          .replace(/^#+ /, "")
          .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
          .toLowerCase()
          .replace(/[^\p{L}\p{N} _-]/gu, "")
          .replaceAll(" ", "-"),
      ),
  );
}

/** Missing targets of the links in a line. */
function missingLinks(/** @type {string} */ file, /** @type {string} */ line) {
  return [...line.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .flatMap((target) => {
      const [path = "", anchor] = target.split("#");
      const linked = path === "" ? file : normalize(join(dirname(file), path));
      if (!existsSync(linked)) return [`no file ${linked}`];
      const isKnown = anchor === undefined || !linked.endsWith(".md") || anchorsOf(linked).has(anchor);
      return isKnown ? [] : [`no heading #${anchor} in ${linked}`];
    });
}

const spansOf = (text = "") => [...text.matchAll(/`([^`]+)`/g)].map(([, span = ""]) => span);

/** Missing files in the code spans of a line. `isPackageTable`: the line is a table row with a package in its first cell. */
function missingPaths(
  /** @type {string} */ file,
  /** @type {string} */ line,
  /** @type {boolean} */ isPackageTable,
) {
  const spans = spansOf(line);
  const own = PACKAGE_README.test(file) ? spans.filter((span) => IN_PACKAGE.test(span)) : [];
  const cells = line.split(/(?<!\\)\|/).slice(1, -1);
  const name = isPackageTable && cells.length > 1 ? spansOf(cells[0])[0] : undefined;
  const inPackage =
    name === undefined ? [] : spansOf(cells.at(-1)).map((file) => `packages/${name}/src/${file}`);
  const paths = [
    ...spans.filter((span) => ROOTED.test(span)),
    ...own.map((span) => join(dirname(file), span)),
    ...inPackage,
  ];
  return paths.filter((path) => !existsSync(path)).map((path) => `no file ${path}`);
}

/** Every word of the code. */
const words = new Set(
  execFileSync("git", ["ls-files", "*.ts", "*.mjs", "*.yaml", "package.json"], { encoding: "utf8" })
    .split("\n")
    .filter((file) => file !== "" && existsSync(file))
    .flatMap((file) => readFileSync(file, "utf8").match(/[A-Za-z]\w*/g) ?? []),
);

/** Names that no code contains. */
const missingNames = (/** @type {string[]} */ names) =>
  names.filter((name) => !words.has(name)).map((name) => `no ${name} in the code`);

/** Names in camelCase in the code spans of a line. */
const namesInSpans = (/** @type {string} */ line) =>
  spansOf(line).flatMap((span) => /^([a-z]+[A-Z]\w*)(?:\(\))?$/.exec(span)?.slice(1) ?? []);

/** Names in camelCase in a line of TypeScript, except in strings. */
const namesInCode = (/** @type {string} */ line) =>
  line.replace(/"[^"]*"/g, "").match(/\b[a-z]+[A-Z]\w*/g) ?? [];

/**
 * Problems of a line of a page.
 *
 * @param {string} file
 * @param {string} line
 * @param {{ language: string | undefined, isPackageTable: boolean }} place `language` of a code block; undefined outside code
 */
function problemsOf(file, line, { language, isPackageTable }) {
  const isHistory = HISTORY.test(file);
  if (language !== undefined) return language === "ts" && !isHistory ? missingNames(namesInCode(line)) : [];
  const named = () => [...missingPaths(file, line, isPackageTable), ...missingNames(namesInSpans(line))];
  return [...missingLinks(file, line), ...(isHistory ? [] : named())];
}

let count = 0;
for (const file of files) {
  let isPackageTable = false;
  /** @type {string | undefined} */
  let language;
  for (const [index, line] of readFileSync(file, "utf8").split("\n").entries()) {
    const fence = /^ *```(\w*)/.exec(line)?.[1];
    if (fence !== undefined) language = language === undefined ? fence : undefined;
    if (!line.startsWith("|")) isPackageTable = false;
    else if (/^\| package +\|.*start reading at/.test(line)) isPackageTable = true;
    for (const problem of problemsOf(file, line, { language, isPackageTable })) {
      console.log(`${file}:${index + 1}: ${problem}`);
      count += 1;
    }
  }
}
console.log(`${files.length} files, ${count} missing`);
process.exitCode = count === 0 ? 0 : 1;
