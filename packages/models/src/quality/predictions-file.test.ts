import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { choosePredictionsFile } from "./predictions-file.js";

const root = temporaryFolder({ each: true });
let notes: string[] = [];
beforeEach(() => {
  notes = [];
});

const usual = (): string => join(root, "predictions.jsonl");
const choose = (given?: string): Promise<string> =>
  choosePredictionsFile(given, (text) => notes.push(text), usual());

describe(choosePredictionsFile, () => {
  test("uses the file that the user named, whatever it contains", async () => {
    await writeFile(usual(), "notes of a user");
    expect(await choose(usual())).toBe(usual());
    expect(notes).toEqual([]);
  });

  test("says only if a file is replaced", async () => {
    expect(await choose()).toBe(usual());
    expect(notes).toEqual([]);
    await writeFile(usual(), '{"source":"a","prediction":"A","references":["A"],"correct":true,"score":0}\n');
    expect(await choose()).toBe(usual());
    expect(notes).toEqual([`${usual()} from an earlier call will be replaced; --output FILE keeps both`]);
  });

  test.each(["", "notes of a user", '{"source":"a","target":"A"}\n', `{"source":"${"a".repeat(2 ** 21)}"}`])(
    "does not replace a file that it did not write",
    async (text) => {
      await writeFile(usual(), text);
      await expect(choose()).rejects.toMatchObject({ code: "OUTPUT_FAILED" });
    },
  );
});
