/**
 * llama.cpp's own tokenizer tests: every vocabulary that its source package carries, read as `slm teacher import` reads it,
 * and the ids of its texts. Needs `npm run build`, and pip. Exit 3 where an id differs.
 *
 * Usage: node tools/interop/reference/llama-cpp/vocabulary-tests.mjs [NAME...]
 *
 * Vocabularies without texts of their own get those of the others; their ids are asked of llama.cpp (node-llama-cpp).
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { ggufTokenizer, readGguf } from "@slm/extension-gguf";
import { completeTokenizer, createTokenizer } from "@slm/tokenizer";
import { llamaCppSource } from "./packages.mjs";
import { openLlama } from "./llama.mjs";

const SEPARATOR = "\n__ggml_vocab_test__\n";

/** Texts, each with the separator behind it; a last one without it counts too. */
const casesOf = (file) => {
  const texts = readFileSync(`${file}.inp`, "utf8").split(SEPARATOR);
  return texts.at(-1) === "" ? texts.slice(0, -1) : texts;
};
const expectedOf = (file) =>
  readFileSync(`${file}.out`, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/).filter(Boolean).map(Number));

/** Ids by the product's tokenizer; a text without tokens is rejected there, and has no ids here. */
function idsOf(tokenizer, text) {
  try {
    return tokenizer.encodeTarget(text);
  } catch (error) {
    if (error instanceof SlmError && /is empty/.test(error.message)) return [];
    throw error;
  }
}

async function open(file) {
  const source = await readGguf(file);
  const { tokenizer, config } = ggufTokenizer(source);
  return createTokenizer(completeTokenizer(tokenizer, config, {}, file));
}

async function idsOfLlama(file, texts) {
  const llama = await openLlama();
  const model = await llama.loadModel({ modelPath: file, vocabOnly: true });
  const ids = texts.map((text) => model.tokenize(text, false).map(Number));
  await model.dispose();
  return ids;
}

const models = join(llamaCppSource(), "models");
const wanted = process.argv.slice(2);
const files = readdirSync(models)
  .filter((name) => /^ggml-vocab-.*\.gguf$/.test(name))
  .filter((name) => wanted.length === 0 || wanted.some((one) => name === `ggml-vocab-${one}.gguf`));
const shared = casesOf(join(models, "ggml-vocab-gpt-2.gguf"));
let isShort = false;
for (const name of files) {
  const file = join(models, name);
  const hasCases = readdirSync(models).includes(`${name}.inp`);
  const texts = hasCases ? casesOf(file) : shared;
  const label = `${name.slice("ggml-vocab-".length, -".gguf".length).padEnd(16)}${hasCases ? "its own texts  " : "texts of gpt-2"}`;
  try {
    const expected = hasCases ? expectedOf(file) : await idsOfLlama(file, texts);
    const tokenizer = await open(file);
    let same = 0;
    const lines = [];
    for (const [index, text] of texts.entries()) {
      const ids = idsOf(tokenizer, text);
      if (ids.join() === expected[index].join()) same += 1;
      else lines.push(`  ${JSON.stringify(text)}\n    expected ${expected[index]}\n    got      ${ids}`);
    }
    isShort ||= same < texts.length;
    console.log(`${label}  ${same} of ${texts.length}`);
    for (const line of lines) console.log(line);
  } catch (error) {
    isShort = true;
    console.log(`${label}  rejected: ${error.message}`);
    if (!(error instanceof SlmError)) throw error;
  }
}
process.exitCode = isShort ? 3 : 0;
