/** Files with other columns than source and target: in a recipe, and later with the model that the recipe trained. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { runCommand, type CommandOutcome } from "../testing/run-command.js";
import { METRICS, tinyRecipe, words } from "@slm/pipeline/testing/tiny-run";

const root = temporaryFolder();
const at = (...parts: readonly string[]): string => join(root, ...parts);

/** Words and their letters as a spreadsheet exports them: semicolons, and Latin-1. */
async function table(name: string, texts: readonly string[], extra = ""): Promise<string> {
  const lines = texts.map((text, id) => `${id};${text};${Array.from(text.toUpperCase()).join(" ")}`);
  await writeFile(at(name), Buffer.from(`id;word;letters\n${lines.join("\n")}\n${extra}`, "latin1"));
  return at(name);
}

const errorOf = ({ json }: CommandOutcome): unknown => (json as { readonly error: unknown }).error;

beforeAll(async () => {
  const files = {
    train: await table("train.csv", [...words(32, 0), "é"], "99;broken\n"),
    dev: await table("dev.csv", ["abc", "deb"]),
    test: await table("test.csv", ["cab", "bed", "aé"]),
  };
  const { tokenizer, teacher, distill } = tinyRecipe(root);
  const data = { ...files, encoding: "latin1", fields: { source: "word", target: "letters" } };
  const sections = { metrics: METRICS, data, tokenizer, teacher, distill, export: {} };
  await writeFile(at("r.yaml"), JSON.stringify(sections));
  const { exitCode, stderr } = await runCommand("run", [at("r.yaml"), "--out", at("run")]);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain("data  3 rejected: ");
  expect(stderr).toContain(`${at("train.csv")}:35: 2 fields, expected 3 as in the header`);
});

describe("a model whose recipe mapped columns", () => {
  test("keeps the mapping in its metadata, without paths", async () => {
    const { rows } = JSON.parse(await readFile(at("run/export/model.json"), "utf8")) as { rows: unknown };
    expect(rows).toEqual({ encoding: "latin1", fields: { source: "word", target: "letters" } });
  });

  test.each([
    ["a table as the recipe's", "test.csv"],
    ["the rows that the data stage wrote", "run/data/test.jsonl"],
  ])(
    "is measured on %s",
    async (_name, file) => {
      const flags = ["--data", at(file), "--metrics", "exactMatch", "-o", at("p.jsonl"), "--json"];
      for (const model of ["run/export", "run/distill"]) {
        const { json, exitCode } = await runCommand("eval", [at(model), ...flags]);
        expect([exitCode, json]).toMatchObject([0, { result: { n: 3 } }]);
      }
      expect(await readFile(at("p.jsonl"), "utf8")).toContain("aé");
    },
    60_000,
  );

  test("is quantized with such tables as calibration rows and gate, and keeps the mapping", async () => {
    const flags = ["--scheme", "int4-block", "--method", "gptq", "--calibration", at("train-rows.csv")];
    await table("train-rows.csv", words(8, 0));
    const gate = ["--gate", "per:+1000", "--data", at("test.csv")];
    const argv = [at("run/export"), ...flags, "--block-size", "16", ...gate, "-o", at("quantized"), "--json"];
    const { exitCode, json } = await runCommand("quantize", argv);
    expect(exitCode, JSON.stringify(json)).toBe(0);
    expect(await readFile(at("quantized/model.json"), "utf8")).toContain('"letters"');
  });

  test("accepts other columns with --set, which replace the recipe's columns", async () => {
    await writeFile(at("other.tsv"), "text\tspelt\ncab\tC A B\n");
    const argv = [
      at("run/export"),
      "--data",
      at("other.tsv"),
      "--metrics",
      "per",
      "-o",
      at("q.jsonl"),
      "--json",
    ];
    const without = await runCommand("eval", argv);
    expect(without.exitCode).toBe(78);
    expect(errorOf(without)).toMatchObject({
      message: expect.stringContaining(
        "no column 'word' (fields.source); its columns are text, spelt",
      ) as string,
      suggestions: expect.arrayContaining(['--set "data.fields={source: text, target: spelt}"']) as string[],
    });
    const set = ["--set", "data.fields={source: text, target: spelt}"];
    expect((await runCommand("eval", [...argv, ...set])).json).toMatchObject({ result: { n: 1 } });
  });
});

describe("slm data inspect", () => {
  test("of a file without a usable row is an error that suggests settings", async () => {
    await writeFile(at("keys.jsonl"), '{"question":"a","answer":"b"}\n'.repeat(3));
    const outcome = await runCommand("data:inspect", [at("keys.jsonl"), "--json"]);
    expect(outcome.exitCode).toBe(65);
    expect(errorOf(outcome)).toMatchObject({
      code: "DATA_INVALID",
      context: { rows: 0 },
      suggestions: [
        `slm data inspect ${at("keys.jsonl")} --set "data.fields={source: question, target: answer}"`,
      ],
    });
  });
});
