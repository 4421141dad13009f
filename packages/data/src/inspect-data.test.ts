import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { createTokenizer, trainSymbolTokenizer } from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { inspectData } from "./inspect-data.js";

const directory = temporaryFolder();
const path = join(directory, "rows.jsonl");

const LINES = [
  '{"source":"cat","target":"K AE T"}',
  "not json",
  '{"source":"cat","target":"K AE T"}',
  '{"source":"act","target":"AE K T","references":["AE K T","AE K"]}',
  '{"source":"cot","target":"K AA T"}',
  '{"source":"tac","target":"T AE K","references":["T AE K","T AH K"]}',
  '{"source":1,"target":"T"}',
];

describe(inspectData, () => {
  test("counts rows and reports unusable lines with the reason", async () => {
    await writeFile(path, LINES.join("\n"));
    const inspection = await inspectData(path);
    expect(inspection).toMatchObject({
      rows: 5,
      rejected: [
        { line: 2, reason: expect.stringContaining("not JSON") as string },
        { line: 7, reason: "source: expected text, got number" },
      ],
      withReferences: 2,
      duplicates: 1,
      sourceLengths: { p50: 3, p95: 3, max: 3 },
      sourceSymbols: 4,
      targetSymbols: 4,
    });
    expect(inspection).not.toHaveProperty("cover");
  });

  test("shows the first rows as samples", async () => {
    await writeFile(path, LINES.join("\n"));
    const { samples } = await inspectData(path, { samples: 2 });
    expect(samples.map(({ source }) => source)).toEqual(["cat", "cat"]);
  });

  test("reports how many rows a tokenizer covers, including references, and why it cannot encode the others", async () => {
    await writeFile(path, LINES.join("\n"));
    const files = trainSymbolTokenizer({ sources: ["cat"], targets: ["K AE T"], sourceLowercase: true });
    const { cover } = await inspectData(path, { tokenizer: createTokenizer(files) });
    expect(cover).toMatchObject({ rows: 3, fraction: 0.6 });
    expect(cover?.missing.map(({ line }) => line)).toEqual([5, 6]);
    expect(cover?.missing[0]?.reason).toContain('"o"');
    expect(cover?.missing[1]?.reason).toContain('"AH"');
  });
});
