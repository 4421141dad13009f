/**
 * Writes packages/tokenizer/fixtures/families.json.gz: small tokenizers of published encoder-decoders as Python's transformers saves them,
 * and what Python makes of some lines. packages/tokenizer/fixtures/family_tokenizers.py says how to make PYTHON.
 *
 *   node tools/interop/reference/family-tokenizers.mjs DIRECTORY PYTHON
 *
 * DIRECTORY keeps what Python made.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { TEXTS } from "../texts.mjs";

const FIXTURES = new URL("../../../packages/tokenizer/fixtures/", import.meta.url);
const MAKER = fileURLToPath(new URL("family_tokenizers.py", FIXTURES));
const FIXTURE = fileURLToPath(new URL("families.json.gz", FIXTURES));
/** Files that transformers writes beside the ones that are read. */
const UNREAD = new Set(["expected.json", "special_tokens_map.json", "added_tokens.json"]);
/** The compiler messages of TypeScript, in the folder of each of thirteen languages. */
const MESSAGES = "diagnosticMessages.generated.json";

/**
 * What family_tokenizers.py writes for a case.
 *
 * @typedef {{ modelType: string, rows: { text: string }[] }} Expected
 */

const [directory, python] = process.argv.slice(2);
if (directory === undefined || python === undefined) {
  console.error("usage: node tools/interop/reference/family-tokenizers.mjs DIRECTORY PYTHON");
  process.exit(2);
}
mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, "lines.json"), JSON.stringify(fewLines()));
const { status } = spawnSync(python, [MAKER, directory], { stdio: "inherit" });
if (status !== 0) process.exit(1);
writeFixture(directory);

/** Messages of each language in turn. */
function messages() {
  const library = dirname(createRequire(import.meta.url).resolve("typescript"));
  const languages = readdirSync(library, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      /** @type {Record<string, string>} */
      const texts = JSON.parse(readFileSync(join(library, name, MESSAGES), "utf8"));
      return Object.values(texts);
    });
  const longest = Math.max(...languages.map(({ length }) => length));
  return Array.from({ length: longest }, (_, index) => languages.map((lines) => lines[index]))
    .flat()
    .filter((line) => line !== undefined && line.trim() !== "")
    .map(String);
}

/** Latin letters only, so that few pieces cover them; a map of characters with some rules of NFKC. */
function fewLines() {
  const training = messages()
    .filter((_, index) => index % 3 !== 0)
    .filter((line) => /^[\0-\u017f\u2018-\u201e]*$/u.test(line));
  return {
    training: training.slice(0, 600),
    lines: [...TEXTS, ...training.slice(600, 610)],
    size: 240,
    rules: ["9\t20", "A\t20", "A0\t20", "3000\t20", "FB01\t66 69", "BD\t31 2F 32", "65 301\tE9", "AD\t"].join(
      "\n",
    ),
  };
}

function writeFixture(/** @type {string} */ folder) {
  const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, "expected.json")));
  const cases = names.map((name) => {
    /** @type {Expected} */
    const { modelType, rows } = JSON.parse(readFileSync(join(folder, name, "expected.json"), "utf8"));
    const files = readdirSync(join(folder, name))
      .filter((one) => !UNREAD.has(one))
      .map((one) => [one, readFileSync(join(folder, name, one)).toString("base64")]);
    // Texts that slm rejects are left out.
    const taken = rows.filter(({ text }) => !/<s>|<unk>/u.test(text) && text.trim() !== "");
    return { name, modelType, files: Object.fromEntries(files), rows: taken };
  });
  /** @type {unknown} */
  const versions = JSON.parse(readFileSync(join(folder, "versions.json"), "utf8"));
  writeFileSync(FIXTURE, gzipSync(JSON.stringify({ versions, cases }), { level: 9 }));
}
