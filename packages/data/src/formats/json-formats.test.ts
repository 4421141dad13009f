import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { scanFile, type ScanSettings } from "./scan-file.js";
import { all } from "../testing/prepared.test-support.js";
import type { ScannedLine } from "./read-rows.js";

const directory = temporaryFolder();

async function scan(content: unknown, settings: ScanSettings = {}): Promise<readonly ScannedLine[]> {
  const path = join(directory, "a.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return all(scanFile(path, settings));
}

const article = {
  title: "Oslo",
  paragraphs: [
    {
      context: "Oslo is the capital of Norway.",
      qas: [
        {
          id: "1",
          question: "What is Oslo?",
          answers: [{ text: "the capital" }, { text: "the capital of Norway" }, { text: "the capital" }],
        },
        {
          id: "2",
          question: "Who built it?",
          is_impossible: true,
          answers: [],
          plausible_answers: [{ text: "Norway" }],
        },
      ],
    },
    { context: "x", qas: "none" },
  ],
};

describe("SQuAD", () => {
  test("has questions with their context; every distinct answer is a reference", async () => {
    const lines = await scan({ version: "v2.0", data: [article] }, { unanswerable: "no answer" });
    const context = "context: Oslo is the capital of Norway.";
    expect(lines).toEqual([
      {
        line: 1,
        row: {
          source: `question: What is Oslo? ${context}`,
          target: "the capital",
          references: ["the capital", "the capital of Norway"],
        },
      },
      {
        line: 2,
        row: { source: `question: Who built it? ${context}`, target: "no answer", references: ["no answer"] },
      },
      { line: 3, reason: 'expected a paragraph {"context", "qas"}, got object' },
    ]);
  });

  test("rejects a question without an answer unless the recipe names a target for it", async () => {
    const [, question] = await scan({ data: [article] });
    expect(question).toMatchObject({
      line: 2,
      reason: expect.stringContaining("data.unanswerable") as string,
    });
  });

  test("accepts another prompt; a mapped target has only its own answer as reference", async () => {
    const settings = {
      unanswerable: "-",
      fields: { source: "{context} {question}", target: "<{answer}>" },
    };
    const [first] = await scan({ data: [article] }, settings);
    expect(first).toEqual({
      line: 1,
      row: { source: "Oslo is the capital of Norway. What is Oslo?", target: "<the capital>" },
    });
  });
});

describe("SNIPS", () => {
  test("has calls with the slots in the order of the words; a slot filled twice is a list", async () => {
    const data = [
      { text: "add " },
      { text: "Adele ", entity: "artist" },
      { text: "and " },
      { text: "Sia", entity: "artist" },
      { text: " to " },
      { text: "Monday", entity: "playlist" },
    ];
    const lines = await scan({
      AddToPlaylist: [{ data }],
      GetWeather: [{ data: [{ text: "rain?" }] }, { data: 3 }],
    });
    expect(lines).toEqual([
      {
        line: 1,
        row: {
          source: "add Adele and Sia to Monday",
          target: '{"name":"AddToPlaylist","arguments":{"artist":["Adele","Sia"],"playlist":"Monday"}}',
        },
      },
      { line: 2, row: { source: "rain?", target: '{"name":"GetWeather","arguments":{}}' } },
      { line: 3, reason: 'expected an utterance {"data": [...]}, got object' },
    ]);
  });

  test("rejects malformed pieces", async () => {
    const [bad] = await scan({ Intent: [{ data: [{ text: "a", entity: 3 }] }] });
    expect(bad).toMatchObject({ reason: "expected the name of a slot in 'entity', got number" });
  });
});

describe("JSON", () => {
  test("is recognized by its shape; a list is a list of rows", async () => {
    const rows = [{ source: "a", target: "b" }, 7];
    expect(await scan(rows)).toEqual([
      { line: 1, row: { source: "a", target: "b" } },
      { line: 2, reason: 'expected an object {"source", "target"}, got number' },
    ]);
  });

  test.each(["{}", "3", '{"data":[]}', "{", '"\\ud800', "[".repeat(100_000)])(
    "rejects %.20s",
    async (text) => {
      await expect(scan(text)).rejects.toMatchObject({ code: "DATA_INVALID" });
    },
  );

  test.each([
    ["squad", "SQuAD"],
    ["snips", "SNIPS"],
    ["json", "a list of rows"],
  ] as const)("a document of another shape is not %s", async (format, name) => {
    await expect(scan({ other: 1 }, { format })).rejects.toThrow(`expected ${name}`);
  });
});
