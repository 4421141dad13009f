import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { writeArtifact } from "@slm/core";
import { describe, expect, test } from "vitest";
import { settingsForFile, settingsToRemember } from "./remembered-settings.js";

const root = temporaryFolder({ each: true });

/** German to English, from rows with English and German columns. */
const EXCHANGED = { fields: { source: "target", target: "source" } } as const;

async function written(path: string, row: object): Promise<string> {
  await writeFile(path, `${JSON.stringify(row)}\n`);
  return path;
}

test("a model keeps the share of invalid records that its recipe accepted", async () => {
  const kept = settingsToRemember({ train: "a.csv", maxRejected: 0.16, testFraction: 0.1 });
  expect(kept).toEqual({ maxRejected: 0.16 });
  const path = await written(join(root, "rows.jsonl"), { source: "a", target: "b" });
  expect(await settingsForFile(path, kept!, "rows")).toMatchObject({ maxRejected: 0.16 });
});

describe(settingsForFile, () => {
  test("maps a file only if it has the columns of the mapping", async () => {
    const fields = { source: "question", target: "answer" };
    const asked = await written(join(root, "asked.jsonl"), { question: "a", answer: "b" });
    expect(await settingsForFile(asked, { fields }, "rows")).toMatchObject({ fields });
    const plain = await written(join(root, "plain.jsonl"), { source: "a", target: "b" });
    expect(await settingsForFile(plain, { fields }, "rows")).toMatchObject({ fields: undefined });
  });

  test("swaps source and target of a user's rows, but not of rows that the data stage wrote", async () => {
    const given = await written(join(root, "given.jsonl"), { source: "dog", target: "Hund" });
    expect(await settingsForFile(given, EXCHANGED, "rows")).toMatchObject(EXCHANGED);
    const directory = join(root, "data");
    await writeArtifact(
      { directory, kind: "data", key: "k", inputs: [], settings: EXCHANGED, origins: {}, seed: 0 },
      async (work) => {
        await written(join(work, "test.jsonl"), { source: "Hund", target: "dog" });
        return {};
      },
    );
    const prepared = join(directory, "test.jsonl");
    expect(await settingsForFile(prepared, EXCHANGED, "rows")).toMatchObject({ fields: undefined });
    // A user's file in the same folder was not written by the data stage.
    await copyFile(given, join(directory, "given.jsonl"));
    expect(await settingsForFile(join(directory, "given.jsonl"), EXCHANGED, "rows")).toMatchObject(EXCHANGED);
  });

  test("maps a file next to a manifest of another program", async () => {
    await writeFile(join(root, "manifest.json"), '{"name": "a page"}');
    const given = await written(join(root, "given.jsonl"), { source: "dog", target: "Hund" });
    expect(await settingsForFile(given, EXCHANGED, "rows")).toMatchObject(EXCHANGED);
  });
});
