/** Checks that the tests in the threat model exist. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

const DOCS = join(import.meta.dirname, "..", "docs");

test("every promise of the threat model is shown by a test whose title it quotes", async () => {
  const text = await readFile(join(DOCS, "threat-model.md"), "utf8");
  const rows = text.split("\n").filter((line) => /^\| \d+ +\|/u.test(line));
  expect(rows.length).toBeGreaterThanOrEqual(13);
  for (const row of rows) {
    const named = [...row.matchAll(/\]\((?<path>[^)]+\.test\.ts)\): "(?<title>[^"]+)"/gu)];
    expect(named.length, row).toBeGreaterThan(0);
    for (const { groups } of named) {
      const source = await readFile(join(DOCS, groups!.path!), "utf8");
      expect(source, `${groups!.path!} has no test "${groups!.title!}"`).toContain(groups!.title);
    }
  }
});
