/** Run by `node --test tools/scripts`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { longCells, longSentences, markdownProse } from "./prose.mjs";
import { ALLOWED, findingsIn, WORDS } from "./vocabulary-lint.mjs";

await test("finds the example of every row on its line, in prose of every kind of file", () => {
  /** @type {[file: string, before: string, after: string][]} */
  const places = [
    ["docs/page.md", "# Title\n\n- ", ""],
    ["packages/core/src/a.ts", "/**\n * Does it.\n * ", "\n */"],
    ["packages/core/src/a.ts", "\n\nfail(`expected ", " here`);"],
    ["configs/a/recipe.yaml", "name: x\n\na: b # ", ""],
  ];
  for (const [name, before, after] of places)
    for (const { example, say } of WORDS) {
      const found = findingsIn(name, `${before}${example}${after}`);
      const isFound = found.some((finding) => finding.line === 3 && finding.say === say);
      assert.ok(isFound, `'${example}' is not found in ${name}`);
    }
});

await test("finds words across a line break", () => {
  const found = findingsIn("packages/a.ts", "/**\n * The list of what a batch is\n * made\n * of.\n */");
  assert.deepEqual(
    found.map(({ line, found: words }) => [line, words]),
    [[3, "made of"]],
  );
});

await test("leaves code, short strings, data, the field's terms and correct uses alone", () => {
  /** @type {[file: string, text: string][]} */
  const correct = [
    ["docs/page.md", "Run `slm beside` [here](beside.md).\n\n```sh\nlie beside # stand\n```\n"],
    ["docs/page.md", "There is no limit, it is no longer slow, and `x` stands for a server behind a proxy."],
    ["docs/page.md", "An image processor's file, word error rates, and the processor's settings."],
    ["packages/a.ts", 'const beside = "lies beside"; const r = /behind "the" lies/;'],
    ["packages/a.test.ts", 'test("keeps the row that is no pair in its place", () => {});'],
    ["configs/a/phrasings.ts", 'export const P = ["bring the sound back to the room"];'],
    ["configs/a/recipe.yaml", "text: a file beside the model"],
    ...ALLOWED.map(({ file, text }) => /** @type {[string, string]} */ ([file, `/** Lines ${text}. */`])),
  ];
  for (const [name, text] of correct) assert.deepEqual(findingsIn(name, text), [], text);
});

await test("finds long sentences of pages and long cells of how-tos", () => {
  const words = (/** @type {number} */ count) => `${"word ".repeat(count - 1)}word.`;
  const page = `# ${words(50)}\n\n${words(35)} ${words(36)}\n- ${words(20)}\n- ${words(20)}\n`;
  assert.deepEqual(
    longSentences(markdownProse(page), 35).map(({ words: count }) => count),
    [36],
  );
  assert.equal(findingsIn("docs/page.md", page).length, 1);
  assert.deepEqual(findingsIn("packages/a/README.md", page), []);
  const table = `| a | b |\n| --- | --- |\n| [${"x".repeat(100)}](${"y".repeat(90)}) | ${"x".repeat(101)} |`;
  assert.deepEqual(
    longCells(table, 100).map(({ line, length }) => [line, length]),
    [[3, 101]],
  );
  assert.equal(findingsIn("docs/how-to/a.md", table).length, 1);
  assert.deepEqual(findingsIn("docs/benchmarks/a.md", table), []);
});
