import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { readHeldOutRows } from "./held-out-rows.js";

const row = (source: string): string => `${JSON.stringify({ source, target: "x" })}\n`;

const directory = temporaryFolder({ each: true });

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
}

describe(readHeldOutRows, () => {
  test("returns the first test rows", async () => {
    await write({ "test.jsonl": row("a") + row("b"), "dev.jsonl": row("c") });
    expect(await readHeldOutRows(directory, 1)).toEqual({
      rows: [{ source: "a", references: ["x"] }],
      split: "test",
    });
  });

  test("returns dev rows if there are no test rows", async () => {
    await write({ "test.jsonl": "", "dev.jsonl": row("c") });
    expect(await readHeldOutRows(directory)).toMatchObject({ rows: [{ source: "c" }], split: "dev" });
  });

  test("rejects a data set without either", async () => {
    await write({ "test.jsonl": "", "dev.jsonl": "" });
    await expect(readHeldOutRows(directory)).rejects.toMatchObject({ code: "DATA_INVALID" });
    await rm(join(directory, "test.jsonl"));
    await expect(readHeldOutRows(directory)).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});
