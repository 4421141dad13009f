import { SlmError } from "@slm/core/errors";
import type { GenerateOptions, Generation } from "@slm/inference";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Model, Source } from "@slm/inference";
import { answerFile, type AnswerFileRequest } from "./answer-file.js";
import { answerFormatOf } from "./answer-formats.js";

/** Prompts of every call, in order. */
let calls: string[][] = [];
/** Called before each call is answered. */
let before: (prompts: readonly string[]) => void = () => undefined;

/** Upper case. A question mark is outside its vocabulary, and it is not sure of prompts of one letter. */
async function generate(
  prompts: readonly Source[],
  { abstain }: GenerateOptions = {},
): Promise<readonly Generation[]> {
  const texts = prompts.map((prompt) => (typeof prompt === "string" ? prompt : (prompt.text ?? "")));
  calls.push(texts);
  before(texts);
  const bad = texts.findIndex((text) => text.includes("?"));
  if (bad !== -1)
    throw new SlmError("DATA_INVALID", `generate: source ${bad + 1} has '?', which is no symbol`);
  return Promise.resolve(
    texts.map((text) => ({
      text: text.length === 1 && abstain === 0.4 ? "" : text.toUpperCase(),
      logProbability: text.length === 1 ? Math.log(0.25) : Math.log(0.5),
      confidence: text.length === 1 ? 0.25 : 0.5,
      abstained: text.length === 1 && abstain === 0.4,
      tokens: [1, 2],
      firstTokenMs: 1,
      totalMs: 2,
      stepsMs: [1, 2],
      tokensPerSecond: 1000,
      finished: true,
      reason: "eos",
    })),
  );
}

const root = temporaryFolder();
beforeAll(async () => {
  await mkdir(join(root, "model"));
  await writeFile(join(root, "model", "model.json"), "{}");
});
beforeEach(() => {
  calls = [];
  before = () => undefined;
});

interface Case extends Partial<Pick<AnswerFileRequest, "threshold" | "identity" | "settings">> {
  readonly input: string;
  readonly output?: string;
}

/** Answers a file of the folder, and returns the report with all printed text and notes. */
async function run({ input, output, ...more }: Case) {
  const printed: string[] = [];
  const notes: string[] = [];
  const report = await answerFile({
    model: { generate: generate as Model["generate"], directory: join(root, "model") },
    input: join(root, input),
    output: output === undefined ? undefined : join(root, output),
    format: answerFormatOf(input, output),
    settings: {},
    generate: { abstain: more.threshold ?? "off" },
    threshold: undefined,
    identity: {},
    print: (text) => printed.push(text),
    progress: () => undefined,
    note: (text) => notes.push(text),
    ...more,
  });
  return { report, printed: printed.join(""), notes };
}

const write = (name: string, text: string): Promise<void> => writeFile(join(root, name), text);
const read = (name: string): Promise<string> => readFile(join(root, name), "utf8");

describe(answerFile, () => {
  test("keeps the order and the empty lines of a text file, with an empty line for a bad one", async () => {
    await write("lines.txt", "ab\n\ncd?\n  \nef\n");
    const { report, printed } = await run({ input: "lines.txt" });
    expect(printed).toBe("AB\n\n\n\nEF\n");
    expect(report).toEqual({
      rows: 5,
      answered: 2,
      abstained: 0,
      errors: 1,
      blank: 2,
      firstError: "line 3: the source has '?', which is no symbol",
      resumed: 0,
      output: null,
    });
  });

  test("adds its fields to the keys of JSON lines, and writes errors to their rows", async () => {
    await write("rows.jsonl", '{"source":"ab","id":7}\n\n{"source":"c?","id":8}\nnot JSON\n{"id":9}\n');
    const { report } = await run({ input: "rows.jsonl", output: "out.jsonl" });
    const lines = (await read("out.jsonl")).split("\n");
    expect(lines).toHaveLength(6);
    expect(JSON.parse(lines[0]!)).toEqual({
      source: "ab",
      id: 7,
      prediction: "AB",
      confidence: 0.5,
      logProbability: Math.log(0.5),
    });
    expect(lines[1]).toBe("");
    expect(JSON.parse(lines[2]!)).toMatchObject({ id: 8, error: { line: 3, code: "DATA_INVALID" } });
    expect(JSON.parse(lines[3]!)).toMatchObject({ error: { line: 4 } });
    expect(JSON.parse(lines[4]!)).toMatchObject({ error: { line: 5 } });
    expect(report).toMatchObject({ rows: 5, answered: 1, errors: 3, blank: 1 });
    expect(await readdir(root)).not.toContain("out.jsonl.partial");
  });

  test("quotes cells of a table if needed, and keeps its columns", async () => {
    await write("rows.csv", 'source,note\n"a, b",\n"say ""x""",2\n');
    await run({ input: "rows.csv", output: "out.csv" });
    const [header, first, second] = (await read("out.csv")).split("\n");
    expect(header).toBe("source,note,prediction,answer,confidence,logProbability,abstained,error");
    expect(first).toBe(`"a, b",,"A, B",,0.5,${Math.log(0.5)},,`);
    expect(second).toBe(`"say ""x""",2,"SAY ""X""",,0.5,${Math.log(0.5)},,`);
  });

  test("finds bad prompts among many with few calls, and answers all others", async () => {
    const prompts = Array.from({ length: 100 }, (_, index) => (index === 37 ? "b?" : `row ${index}`));
    await write("many.txt", `${prompts.join("\n")}\n`);
    const { report, printed } = await run({ input: "many.txt" });
    expect(report).toMatchObject({ answered: 99, errors: 1 });
    expect(printed.split("\n").slice(36, 39)).toEqual(["ROW 36", "", "ROW 38"]);
    expect(calls.length).toBeLessThan(16);
  });

  test("interrupted at any chunk, resumes after the last whole chunk and ends with the same file", async () => {
    const prompts = Array.from({ length: 300 }, (_, index) => (index % 50 === 7 ? "" : `row ${index}`));
    await write("long.txt", `${prompts.join("\n")}\n`);
    await run({ input: "long.txt", output: "whole.jsonl" });
    const stopAt = (text: string): void => {
      before = (texts) => {
        if (texts.includes(text)) throw new SlmError("INTERRUPTED", "stopped");
      };
    };
    for (const text of ["row 0", "row 130", "row 299"]) {
      stopAt(text);
      const running = run({ input: "long.txt", output: "parts.jsonl" });
      await expect(running).rejects.toMatchObject({ code: "INTERRUPTED" });
      expect(await readdir(root)).not.toContain("parts.jsonl");
    }
    // A kill in the middle of a write leaves such bytes after the last whole chunk.
    await writeFile(join(root, "parts.jsonl.partial"), `${await read("parts.jsonl.partial")}{"sour`);
    before = () => undefined;
    calls = [];
    const { report, notes } = await run({ input: "long.txt", output: "parts.jsonl" });
    expect(report).toMatchObject({ rows: 300, resumed: 256, answered: 294, blank: 6 });
    expect(calls.flat()).toHaveLength(43);
    expect(notes).toEqual(["generate  resuming after 256 rows"]);
    expect(await read("parts.jsonl")).toBe(await read("whole.jsonl"));
  });

  test("starts from the beginning if the options have changed", async () => {
    before = (texts) => {
      if (texts.includes("row 299")) throw new SlmError("INTERRUPTED", "stopped");
    };
    await expect(run({ input: "long.txt", output: "other.jsonl" })).rejects.toThrow(withCode("INTERRUPTED"));
    before = () => undefined;
    const { report, notes } = await run({ input: "long.txt", output: "other.jsonl", identity: { beams: 4 } });
    expect(report).toMatchObject({ rows: 300, resumed: 0 });
    expect(notes.join()).toMatch(/another input, model or options; starting from the beginning/);
  });

  test.each([
    ["no prompt", "\n\n", /at least one prompt, got none/],
    ["none that the model can take", "a?\nb?\n", /none of 2 rows could be answered; line 1: the source has/],
  ])("rejects a file with %s", async (_, text, message) => {
    await write("bad.txt", text);
    await expect(run({ input: "bad.txt" })).rejects.toThrow(message);
  });

  test("throws errors that do not concern a single prompt", async () => {
    await write("one.txt", "ab\n");
    before = () => {
      throw new SlmError("DEVICE_UNAVAILABLE", "gone");
    };
    await expect(run({ input: "one.txt" })).rejects.toMatchObject({ code: "DEVICE_UNAVAILABLE" });
  });
});

describe(answerFormatOf, () => {
  test.each([
    ["a.csv", undefined, "csv"],
    ["a.parquet", undefined, "jsonl"],
    ["a.csv", "b.jsonl", "jsonl"],
    ["a.jsonl", "b.TXT", "text"],
  ] as const)("answers to %s in %s are %s", (input, output, format) => {
    expect(answerFormatOf(input, output)).toBe(format);
  });

  test("rejects an unknown extension", () => {
    expect(() => answerFormatOf("a.csv", "b.parquet")).toThrow(withCode("USAGE"));
  });
});
