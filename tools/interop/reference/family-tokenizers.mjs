/**
 * Compares the tokenizers of published encoder-decoders with Python's transformers, tokenizers and SentencePiece: ids of sources and
 * targets, and the text of ids, on 10,000 lines per family. family_tokenizers.py says how to make PYTHON.
 *
 *   npm run build && node tools/interop/reference/family-tokenizers.mjs DIRECTORY --python PYTHON [--cases CASE,...] [--lines 10000]
 *   npm run build && node tools/interop/reference/family-tokenizers.mjs DIRECTORY --python PYTHON --fixture FILE
 *
 * DIRECTORY keeps what Python made; without --python it is compared again. Prints one row per case; exit 3 if a line differs.
 * With --gguf each CASE/vocabulary.gguf is read in the place of the directory's files, as far as there is one (tiny-gguf-t5.py
 * --vocabularies writes them).
 * --fixture trains small vocabularies on few lines, and writes the directories and what Python makes of the lines into one file, which
 * packages/tokenizer tests with.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { ggufPieceTokenizer, readGguf } from "@slm/extension-gguf";
import { createTokenizer, readEncoderDecoderTokenizer } from "@slm/tokenizer";
import { TEXTS } from "../texts.mjs";
import { trainingLines, unicodeLines } from "./unicode-lines.mjs";

const MAKER = fileURLToPath(new URL("family_tokenizers.py", import.meta.url));
/** Files that transformers writes beside the ones that are read. */
const UNREAD = new Set(["expected.json", "special_tokens_map.json", "added_tokens.json"]);
/** Differences that are printed per case. */
const SHOWN = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    cases: { type: "string" },
    lines: { type: "string", default: "10000" },
    fixture: { type: "string" },
    gguf: { type: "boolean", default: false },
  },
});
const [directory] = positionals;
if (directory === undefined) {
  console.error(
    "usage: node tools/interop/reference/family-tokenizers.mjs DIRECTORY [--python PYTHON] [--cases CASE,...]",
  );
  process.exit(2);
}
const cases = values.cases?.split(",");
mkdirSync(directory, { recursive: true });
if (values.python !== undefined) {
  const lines = values.fixture === undefined ? allLines() : fewLines();
  writeFileSync(join(directory, "lines.json"), JSON.stringify(lines));
  const wanted = values.cases === undefined ? [] : [values.cases];
  const { status } = spawnSync(values.python, [MAKER, directory, ...wanted], { stdio: "inherit" });
  if (status !== 0) process.exit(1);
}

const needed = ["expected.json", ...(values.gguf ? ["vocabulary.gguf"] : [])];
const names = readdirSync(directory).filter((name) =>
  needed.every((file) => existsSync(join(directory, name, file))),
);
let failed = 0;
for (const name of names.filter((one) => cases?.includes(one) ?? true)) {
  const { figures, differences } = await compare(name);
  failed += differences.length;
  console.log(`${name}: ${figures}, ${differences.length} differ`);
  for (const difference of differences.slice(0, SHOWN))
    console.log(`  ${JSON.stringify(difference).slice(0, 700)}`);
}
if (existsSync(join(directory, "versions.json")))
  console.log(readFileSync(join(directory, "versions.json"), "utf8"));
if (values.fixture !== undefined && failed === 0) writeFixture(values.fixture);
process.exitCode = failed === 0 ? 0 : 3;

function allLines() {
  return { training: trainingLines(), lines: unicodeLines(Number(values.lines)) };
}

/** Latin letters only, so that few pieces cover them; a map of characters with some rules of NFKC. */
function fewLines() {
  const training = trainingLines().filter((line) => /^[\0-\u017f\u2018-\u201e]*$/u.test(line));
  return {
    training: training.slice(0, 600),
    lines: [...TEXTS, ...training.slice(600, 610)],
    size: 240,
    rules: ["9\t20", "A\t20", "A0\t20", "3000\t20", "FB01\t66 69", "BD\t31 2F 32", "65 301\tE9", "AD\t"].join(
      "\n",
    ),
  };
}

function writeFixture(file) {
  const versions = JSON.parse(readFileSync(join(directory, "versions.json"), "utf8"));
  const made = names.map((name) => {
    const { modelType, rows } = JSON.parse(readFileSync(join(directory, name, "expected.json"), "utf8"));
    const files = readdirSync(join(directory, name))
      .filter((one) => !UNREAD.has(one))
      .map((one) => [one, readFileSync(join(directory, name, one)).toString("base64")]);
    // Texts that slm rejects are left out.
    const taken = rows.filter(({ text }) => !/<s>|<unk>/u.test(text) && text.trim() !== "");
    return { name, modelType, files: Object.fromEntries(files), rows: taken };
  });
  writeFileSync(file, gzipSync(JSON.stringify({ versions, cases: made }), { level: 9 }));
}

/** A line that slm rejects counts by its reason: it spells a special token, or nothing of it is left. */
async function compare(name) {
  const { modelType, rows } = JSON.parse(readFileSync(join(directory, name, "expected.json"), "utf8"));
  const started = performance.now();
  const files = values.gguf
    ? ggufPieceTokenizer(await readGguf(join(directory, name, "vocabulary.gguf")), { modelType })
    : await readEncoderDecoderTokenizer(join(directory, name), {
        modelType,
        forcedBos: modelType === "bart" ? 0 : undefined,
      });
  const tokenizer = createTokenizer(files);
  const opened = performance.now();
  const counts = { same: 0, spelt: 0, empty: 0 };
  const differences = [];
  for (const row of rows) {
    const [source, target] = row.languages;
    const pair = { source: source ?? undefined, target: target ?? undefined };
    const sides = [
      [
        "source",
        () => tokenizer.encodeSource(row.text, modelType === "marian" ? undefined : pair),
        row.source,
      ],
      ["target", () => tokenizer.encodeTarget(row.text, pair), row.target],
      ["decoded", () => tokenizer.decode(row.target), row.decoded],
    ];
    const outcomes = sides.map(([side, run, expected]) =>
      outcomeOf(side, run, side === "target" ? withoutFront(expected) : expected),
    );
    // Python takes the text of a special token for the token; slm takes no such text.
    const isSpelt = outcomes[0].kind === "spelt";
    const wrong = isSpelt ? undefined : outcomes.find(({ kind }) => kind === "differs");
    if (wrong !== undefined) differences.push({ text: row.text, ...wrong });
    else counts[outcomes[0].kind] += 1;
  }
  const seconds = (performance.now() - opened) / 1000;
  const figures =
    `${rows.length} lines, ${counts.same} the same, ${counts.empty} empty, ${counts.spelt} spell a special token; ` +
    `opened in ${Math.round(opened - started)} ms, ${Math.round((2 * rows.length) / seconds)} texts/s`;
  return { figures, differences };

  /** Gemma's own BOS stands in front of targets, too; slm's decoder start takes its place. */
  function withoutFront(ids) {
    return modelType === "t5gemma" ? ids.slice(1) : ids;
  }
}

function outcomeOf(side, run, expected) {
  if (expected === null) return { kind: "same" };
  try {
    const result = run();
    const isSame = side === "decoded" ? result === expected : result.join() === expected.join();
    return isSame ? { kind: "same" } : { kind: "differs", side, result, expected };
  } catch (error) {
    if (error.message.includes("holds the special token")) return { kind: "spelt" };
    if (error.message.includes("is empty")) return { kind: "empty" };
    return { kind: "differs", side, result: error.message, expected };
  }
}
