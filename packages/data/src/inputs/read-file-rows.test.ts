import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { all } from "../testing/prepared.test-support.js";
import { readFileRows, scanPrompts, type PromptSettings, type ScannedPrompt } from "./read-file-rows.js";

const directory = temporaryFolder();

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

async function prompts(
  name: string,
  content: string | Uint8Array,
  settings?: PromptSettings,
): Promise<readonly ScannedPrompt[]> {
  return all(scanPrompts(await put(name, content), settings));
}

const PARQUET = parquetWriteBuffer({
  columnData: [
    { name: "text", data: ["a", "b"], type: "STRING" },
    { name: "id", data: ["1", "2"], type: "STRING" },
  ],
});

describe(readFileRows, () => {
  test("names the first unusable record and the setting that would read it", async () => {
    const path = await put("other.jsonl", '{"text":"a","label":"X"}\n');
    await expect(readFileRows(path)).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining(`${path}:1: unknown key "text"`) as string,
      suggestions: ['--set "data.fields={source: text, target: label}"', `slm data inspect ${path}`],
    });
    expect(await readFileRows(path, { fields: { source: "text", target: "label" } })).toHaveLength(1);
  });

  test("leaves out records that are not rows up to the limit of the settings", async () => {
    const lines = Array.from({ length: 8 }, (_, index) => `a${index},X\n`);
    const path = await put("dirty.csv", `source,target\n${lines.join("")},X\nb,\n`);
    await expect(readFileRows(path)).rejects.toMatchObject({
      suggestions: [
        "--set data.maxRejected=0.01 leaves out up to 1 % of the records",
        `slm data inspect ${path}`,
      ],
    });
    expect(await readFileRows(path, { maxRejected: 0.2 })).toHaveLength(8);
    await expect(readFileRows(path, { maxRejected: 0.1 })).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("rejects a file without rows", async () => {
    await expect(readFileRows(await put("none.csv", "source,target\n"))).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
  });
});

describe(scanPrompts, () => {
  test("returns every line of a text file in order, including empty ones", async () => {
    expect(await prompts("p.txt", "one \n\ntwo")).toEqual([
      { line: 1, source: "one ", columns: { source: "one " } },
      { line: 2, isBlank: true },
      { line: 3, source: "two", columns: { source: "two" } },
    ]);
  });

  test("needs no target, keeps the other columns, and returns rejections in order", async () => {
    const lines = await prompts("p.jsonl", '{"source":"a","id":7}\n\n{"source":3}\nx\n{"text":"b","id":8}\n');
    expect(lines).toEqual([
      { line: 1, source: "a", columns: { source: "a", id: 7 } },
      { line: 2, isBlank: true },
      { line: 3, source: "3", columns: { source: 3 } },
      { line: 4, reason: expect.stringContaining("not JSON") as string },
      {
        line: 5,
        reason: "source: column 'source' is missing; the columns are text, id",
        hint: '--set "data.fields={source: text, target: id}"',
      },
    ]);
  });

  test("reads tables by a mapping, Parquet with all its columns", async () => {
    const settings = { fields: { source: "say {text}" } };
    const expected = [
      { source: "say a", columns: { text: "a", id: "1" } },
      { source: "say b", columns: { text: "b", id: "2" } },
    ];
    expect(await prompts("p.csv", "id|text\n1|a\n2|b\n", settings)).toMatchObject(expected);
    expect(await prompts("p.parquet", new Uint8Array(PARQUET), settings)).toMatchObject(expected);
    await expect(prompts("q.csv", "id,title\n1,a\n", settings)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });
});
