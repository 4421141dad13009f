/** Run by `node --test tools/scripts`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { BANNED_IDIOMS } from "./banned-idioms.mjs";
import { ALLOWED, CALQUES } from "./calques.mjs";
import { longCells, longSentences, markdownProse } from "./prose.mjs";
import { findIdioms, findInProse } from "./vocabulary-lint.mjs";

const folder = mkdtempSync(join(tmpdir(), "vocabulary-"));
after(() => rmSync(folder, { recursive: true }));

const lint = (/** @type {string[]} */ ...args) =>
  spawnSync(process.execPath, [join(import.meta.dirname, "vocabulary-lint.mjs"), ...args], {
    encoding: "utf8",
  });

await test("finds every idiom of the table, on its line, with the better term", () => {
  const file = join(folder, "bad.md");
  writeFileSync(file, BANNED_IDIOMS.map(({ idiom }) => `A sentence with ${idiom} in it.`).join("\n"));
  const { status, stdout } = lint(file);
  assert.equal(status, 1);
  for (const [index, { idiom, say }] of BANNED_IDIOMS.entries()) {
    const isFound = stdout
      .split("\n")
      .some((line) => line.startsWith(`${file}:${index + 1}: `) && line.endsWith(`say ${say}`));
    assert.ok(isFound, `'${idiom}' is not found by its pattern`);
  }
});

await test("accepts the field's terms", () => {
  const file = join(folder, "good.md");
  const text = `The CPU runs a vision-language student. TTFT is lower, and ITL at context length 512 too. It picks the argmax.
An unsupported third-party model is rejected. Synthetic inputs and rationales are epochs apart. WER, PER and CER: word error rate.
Image processors, packages/vision/fixtures/images.py and the checkpoint's parts stay; the processor's settings come from preprocessor_config.json.`;
  writeFileSync(file, text);
  assert.deepEqual(findIdioms(text), []);
  assert.equal(lint(file).status, 0);
});

await test("finds every calque in prose, each on its line, with the better wording", () => {
  /** @type {[file: string, before: string, after: string][]} */
  const places = [
    ["docs/page.md", "# Title\n\n- ", ""],
    ["packages/core/src/a.ts", "/**\n * Does it.\n * ", "\n */"],
    ["packages/core/src/a.ts", "\n\nfail(`expected ", " here`);"],
    ["configs/a/recipe.yaml", "name: x\n\na: b # ", ""],
  ];
  for (const [name, before, after] of places)
    for (const { idiom, say } of CALQUES) {
      const found = findInProse(name, `${before}${idiom}${after}`);
      assert.ok(
        found.some((finding) => finding.line === 3 && finding.say === say),
        `'${idiom}' is not found in ${name}`,
      );
    }
});

await test("finds a calque across a line break", () => {
  const found = findInProse("packages/a.ts", "/**\n * The list of what a batch is\n * made\n * of.\n */");
  assert.deepEqual(
    found.map(({ line, found: words }) => [line, words]),
    [[3, "made of"]],
  );
});

await test("leaves code, short strings, data and correct uses alone", () => {
  /** @type {[file: string, text: string][]} */
  const correct = [
    ["docs/page.md", "Run `slm beside` [here](beside.md).\n\n```sh\nlie beside # stand\n```\n"],
    ["docs/page.md", "There is no limit, it is no longer slow, and `x` stands for a server behind a proxy."],
    ["packages/a.ts", 'const beside = "lies beside"; const r = /behind "the" lies/;'],
    ["packages/a.test.ts", 'test("keeps the row that is no pair in its place", () => {});'],
    ["configs/a/phrasings.ts", 'export const P = ["bring the sound back to the room"];'],
    ["configs/a/recipe.yaml", "text: a file beside the model"],
    ...ALLOWED.map(({ file, text }) => /** @type {[string, string]} */ ([file, `/** Lines ${text}. */`])),
  ];
  for (const [name, text] of correct) assert.deepEqual(findInProse(name, text), [], text);
});

await test("finds long sentences of pages and long cells of how-tos", () => {
  const words = (/** @type {number} */ count) => `${"word ".repeat(count - 1)}word.`;
  const page = `# ${words(50)}\n\n${words(35)} ${words(36)}\n- ${words(20)}\n- ${words(20)}\n`;
  assert.deepEqual(
    longSentences(markdownProse(page), 35).map(({ words: count }) => count),
    [36],
  );
  assert.equal(findInProse("docs/page.md", page).length, 1);
  assert.deepEqual(findInProse("packages/a/README.md", page), []);
  const table = `| a | b |\n| --- | --- |\n| [${"x".repeat(100)}](${"y".repeat(90)}) | ${"x".repeat(101)} |`;
  assert.deepEqual(
    longCells(table, 100).map(({ line, length }) => [line, length]),
    [[3, 101]],
  );
  assert.equal(findInProse("docs/how-to/a.md", table).length, 1);
  assert.deepEqual(findInProse("docs/benchmarks/a.md", table), []);
});
