/** Run by `node --test tools/scripts`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { BANNED_IDIOMS } from "./banned-idioms.mjs";
import { findIdioms } from "./vocabulary-lint.mjs";

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
