/**
 * Compares the tokenizers of published encoder-decoders with Python's transformers, tokenizers and SentencePiece: ids of sources and
 * targets, and the text of ids, on 10,000 lines per family. family_tokenizers.py says how to make PYTHON.
 *
 *   npm run build && node tools/interop/reference/family-tokenizers.mjs DIRECTORY --python PYTHON [--cases CASE,...] [--lines 10000]
 *
 * DIRECTORY keeps what Python made; without --python it is compared again. Prints one row per case; exit 3 if a line differs.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createTokenizer, readEncoderDecoderTokenizer } from "@slm/tokenizer";
import { trainingLines, unicodeLines } from "./unicode-lines.mjs";

const MAKER = fileURLToPath(new URL("family_tokenizers.py", import.meta.url));
/** Differences that are printed per case. */
const SHOWN = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    cases: { type: "string" },
    lines: { type: "string", default: "10000" },
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
  const lines = { training: trainingLines(), lines: unicodeLines(Number(values.lines)) };
  writeFileSync(join(directory, "lines.json"), JSON.stringify(lines));
  const wanted = values.cases === undefined ? [] : [values.cases];
  const { status } = spawnSync(values.python, [MAKER, directory, ...wanted], { stdio: "inherit" });
  if (status !== 0) process.exit(1);
}

const names = readdirSync(directory).filter((name) => existsSync(join(directory, name, "expected.json")));
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
process.exitCode = failed === 0 ? 0 : 3;

/** A line that slm rejects counts by its reason: it spells a special token, or nothing of it is left. */
async function compare(name) {
  const { modelType, rows } = JSON.parse(readFileSync(join(directory, name, "expected.json"), "utf8"));
  const started = performance.now();
  const files = await readEncoderDecoderTokenizer(join(directory, name), {
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
    const wrong = outcomes.find(({ kind }) => kind === "differs");
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
