/**
 * Compares how words are cut under every name of llama.cpp's table with llama.cpp's own code: `unicode.cpp` of its source
 * package, compiled here, with the expressions that `llama-vocab.cpp` gives each name. Needs `npm run build`, pip and g++.
 *
 * Usage: node tools/interop/reference/llama-cpp/word-splits.mjs [TEXTS] [FIRST_SEED]
 *
 * The texts are those of the fixture and TEXTS (default 2,000) random ones of many scripts, spaces, digits and signs. Names whose
 * published tokenizer is followed where llama.cpp's engine cannot are counted and do not fail; exit 3 where another differs.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "@slm/decoding";
import { SplitPreTokenizer } from "@huggingface/tokenizers";
import { PRE_TOKENIZERS } from "../../../../packages/extension-gguf/dist/tokenizer/pre-tokenizers.js";
import { llamaCppSource } from "./packages.mjs";
import { TEXTS } from "./tokenizer-texts.mjs";

/** Cases of letters beyond ASCII and marks: llama.cpp's expressions do not know them, the published ones do. */
const PUBLISHED = new Set([
  "tekken",
  "gpt-4o",
  "llama4",
  "kanana2",
  "talkie",
  "minimax-m2",
  "granite-embed-multi-97m",
]);

/** Every name with its list of C++ string literals, read out of llama-vocab.cpp. */
function table(code) {
  const typeOf = new Map();
  for (const [, names, type] of code.matchAll(
    /if \(\s*((?:tokenizer_pre == "[^"]+"[\s|]*)+)\) \{\s*pre_type = LLAMA_VOCAB_PRE_TYPE_(\w+);/g,
  )) {
    for (const [, name] of names.matchAll(/"([^"]+)"/g)) typeOf.set(name, type);
  }
  const constructor = code.slice(code.indexOf("switch (vocab.get_pre_type())"));
  const expressions = new Map();
  let types = [];
  let literals;
  for (const line of constructor.split("\n")) {
    const label = /case LLAMA_VOCAB_PRE_TYPE_(\w+):|\bdefault:/.exec(line);
    if (label !== null) types.push(label[1] ?? "DEFAULT");
    if (/regex_exprs = \{/.test(line)) literals = [];
    const literal = /^\s*(?:\{\s*)?("(?:[^"\\]|\\.)*")/.exec(line);
    if (literal !== null && literals !== undefined) literals.push(literal[1]);
    if (/\bbreak;/.test(line)) {
      for (const type of types) expressions.set(type, literals);
      if (types.includes("DEFAULT")) break;
      [types, literals] = [[], undefined];
    }
  }
  return new Map([...typeOf].map(([name, type]) => [name, expressions.get(type)]));
}

const program = (names) => `#include "unicode.h"
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
static const std::vector<std::vector<std::string>> TABLE = {
${names.map((literals) => `{${literals.join(", ")}},`).join("\n")}
};
int main(int, char ** argv) {
  std::ifstream file(argv[1], std::ios::binary);
  std::stringstream all; all << file.rdbuf();
  std::string texts = all.str();
  for (const auto & expressions : TABLE) {
    size_t from = 0;
    while (from < texts.size()) {
      size_t to = texts.find('\\0', from);
      for (const auto & word : unicode_regex_split(texts.substr(from, to - from), expressions, false)) {
        if (word.empty()) continue;
        std::cout << word << '\\1';
      }
      std::cout << '\\0';
      from = to + 1;
    }
  }
}
`;

/** Words by text by name, as llama.cpp cuts them. */
function theirs(names, texts) {
  const source = join(llamaCppSource(), "src");
  const expressions = table(readFileSync(join(source, "llama-vocab.cpp"), "utf8"));
  const lacking = names.filter((name) => expressions.get(name) === undefined);
  if (lacking.length > 0) throw new Error(`llama-vocab.cpp has no expressions for ${lacking.join(", ")}`);
  const unread = [...expressions.keys()].filter((name) => !names.includes(name));
  if (unread.length > 0) throw new Error(`the table lacks ${unread.join(", ")}`);
  const work = mkdtempSync(join(tmpdir(), "slm-splits-"));
  try {
    writeFileSync(join(work, "main.cpp"), program(names.map((name) => expressions.get(name))));
    writeFileSync(join(work, "texts"), texts.map((text) => `${text}\0`).join(""));
    const files = ["unicode.cpp", "unicode-data.cpp"].map((name) => join(source, name));
    const flags = ["-std=c++17", "-O1", "-w", `-I${source}`, join(work, "main.cpp"), ...files];
    execFileSync("g++", [...flags, "-o", join(work, "split")], { stdio: "inherit" });
    const output = execFileSync(join(work, "split"), [join(work, "texts")], { maxBuffer: 2 ** 30 });
    const parts = output.toString("utf8").split("\0").slice(0, -1);
    return new Map(
      names.map((name, index) => [
        name,
        parts
          .slice(index * texts.length, (index + 1) * texts.length)
          .map((part) => part.split("\x01").slice(0, -1)),
      ]),
    );
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Words of a text by the patterns of a row, with the library that runs `tokenizer.json`. */
function ours(name) {
  const splits = PRE_TOKENIZERS[name].patterns.map(
    (pattern) => new SplitPreTokenizer({ pattern: { Regex: pattern }, behavior: "Isolated", invert: false }),
  );
  return (text) => splits.reduce((pieces, split) => split.pre_tokenize(pieces), [text]);
}

const ALPHABETS = [
  "abcdefghijklmnop",
  "ABCDEFGHIJKLM",
  "stlvdmreSTLVDMRE'",
  "0123456789",
  "٣½Ⅷ²９",
  " \t\n\r\u00a0\u2003\u3000\u0085\ufeff",
  "    \n",
  ".,;:!?-_/\\()[]{}<>|~`@#$%^&*+=\"'",
  "…“”‘’—。，、！？：；～",
  "äöüßéèÀÉÜŒ",
  "абвгдАБВГД",
  "αβγΑΒΓ",
  "你好世界中文々〇",
  "ひらがなカタカナー",
  "가나다한글ㄱㅏ",
  "السلام،۔",
  "हिन्दीকখแไทยខ្មែរ",
  "e\u0301a\u0300\u0323",
  "😀👍🏽👨‍👩‍👧🇩🇪",
  "𝒜𝟙𠀀𪜶",
];

function randomTexts(count, seed) {
  const random = createRandom(seed);
  const pick = (items) => items[Math.floor(random.next() * items.length)];
  const letters = ALPHABETS.map((text) => Array.from(text));
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + Math.floor(random.next() * 16) }, () => {
      const alphabet = pick(letters);
      return Array.from({ length: 1 + Math.floor(random.next() * 5) }, () => pick(alphabet)).join("");
    }).join(""),
  );
}

/** Words with everything beyond ASCII as escapes. */
const shown = (words) =>
  JSON.stringify(words).replace(/[^ -~]/gu, (character) => `\\u{${character.codePointAt(0).toString(16)}}`);

const [count = "2000", seed = "1"] = process.argv.slice(2);
const names = Object.keys(PRE_TOKENIZERS);
const texts = [...TEXTS, ...randomTexts(Number(count), Number(seed))];
const expected = theirs(names, texts);
let isAlike = true;
for (const name of names) {
  const cut = ours(name);
  const differing = texts.filter(
    (text, index) => cut(text).join("\x01") !== expected.get(name)[index].join("\x01"),
  );
  if (differing.length === 0) continue;
  isAlike &&= PUBLISHED.has(name);
  const [example] = differing.sort((a, b) => a.length - b.length);
  const note = PUBLISHED.has(name) ? " (published tokenizer)" : "";
  console.log(`${name}: ${differing.length} of ${texts.length} texts differ${note}`);
  console.log(`  llama.cpp ${shown(expected.get(name)[texts.indexOf(example)])}`);
  console.log(`  slm       ${shown(cut(example))}`);
}
console.log(`${names.length} names, ${texts.length} texts`);
process.exitCode = isAlike ? 0 : 3;
