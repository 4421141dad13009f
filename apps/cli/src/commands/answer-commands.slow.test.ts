/** Files of prompts, confidence, abstention and descriptions of models, on a model with random weights. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { runCommand, type CommandOutcome } from "../testing/run-command.js";
import { tinyShape } from "../testing/tiny-shape.js";

const A_NUMBER: unknown = expect.any(Number);

const root = temporaryFolder();
const at = (name: string): string => join(root, name);
const resultOf = ({ json, stderr }: CommandOutcome): Readonly<Record<string, unknown>> => {
  const parsed = z.object({ result: z.record(z.string(), z.unknown()) }).safeParse(json);
  if (!parsed.success) throw new Error(`${stderr}${JSON.stringify(json)}`);
  return parsed.data.result;
};
const linesOf = async (name: string): Promise<readonly Readonly<Record<string, unknown>>[]> =>
  (await readFile(at(name), "utf8"))
    .trim()
    .split("\n")
    .map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)));

const SOURCES = ["ab", "cde", "fg", "hij", "kl", "mno"];

beforeAll(async () => {
  await writeFile(at("shape.yaml"), tinyShape("encoder-decoder", 8));
  await runCommand("model:init", [at("shape.yaml"), "-o", at("checkpoint")]);
  await runCommand("export", [at("checkpoint"), "-o", at("exported")]);
  await writeFile(
    at("prompts.csv"),
    `source,id\n${SOURCES.map((source, id) => `${source},${id}\n`).join("")}`,
  );
  await runCommand("generate", [at("exported"), "--input", at("prompts.csv"), "--output", at("own.jsonl")]);
  const own = (await linesOf("own.jsonl")).filter(({ prediction }) => prediction !== "");
  const rows = own.map(({ source, prediction }) => ({ source, target: prediction }));
  await writeFile(at("rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});

describe("slm generate --input", () => {
  test("answers each row in order, with the row's columns", async () => {
    const answers = await linesOf("own.jsonl");
    expect(answers.map(({ source, id }) => [source, id])).toEqual(
      SOURCES.map((source, id) => [source, String(id)]),
    );
    for (const answer of answers) {
      expect(answer).toMatchObject({ confidence: A_NUMBER, logProbability: A_NUMBER });
      expect(Math.exp(Number(answer.logProbability))).toBeCloseTo(Number(answer.confidence), 6);
    }
  });

  test("reads standard input in the same way: blank lines stay, and a line that the model cannot read is noted", async () => {
    const stdin = Object.assign(Readable.from([Buffer.from("ab\n\na☃\ncde\n")]), { isTTY: false });
    vi.spyOn(process, "stdin", "get").mockReturnValue(stdin as unknown as typeof process.stdin);
    const { exitCode, stdout, stderr } = await runCommand("generate", [at("exported")]);
    const lines = stdout.split("\n");
    expect([exitCode, lines.length, lines[1], lines[2]]).toEqual([0, 5, "", ""]);
    expect(stderr).toContain("1 prompt is an error; line 3: ");
  });

  test("prints counts with --json, and a row that the model cannot read is an error in the file", async () => {
    await writeFile(at("mixed.txt"), "ab\n\na☃\n");
    const argv = [at("exported"), "--input", at("mixed.txt"), "--output", at("mixed.csv"), "--json"];
    const outcome = await runCommand("generate", argv);
    expect(outcome.exitCode).toBe(0);
    expect(resultOf(outcome)).toMatchObject({
      rows: 3,
      answered: 1,
      errors: 1,
      blank: 1,
      output: at("mixed.csv"),
    });
    expect((await readFile(at("mixed.csv"), "utf8")).split("\n")[3]).toMatch(/^a☃,.*DATA_INVALID: /u);
  });

  test.each([
    [["--json"], "needs --output"],
    [["--prompt", "ab", "--json"], "--prompt"],
    [["--output", "answers.xml", "--json"], "expected a name that ends in"],
    [["--output", "a.jsonl", "--abstain", "2", "--json"], "from 0 to 1"],
    [["--output", "a.jsonl", "--abstain", "nowhere", "--json"], "a file of rows, got nowhere"],
  ])("rejects %j as usage", async (more, message) => {
    const outcome = await runCommand("generate", [at("exported"), "--input", at("prompts.csv"), ...more]);
    expect([outcome.exitCode, outcome.stdout]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe("confidence and abstention", () => {
  test("generate reports the confidence of each answer, and withholds answers below the threshold", async () => {
    const argv = [at("exported"), "--prompt", "ab", "--json"];
    const free = resultOf(await runCommand("generate", argv));
    expect(free).toMatchObject({ logProbability: A_NUMBER, confidence: A_NUMBER });
    expect(free.abstained).toBeUndefined();
    const strict = resultOf(await runCommand("generate", [...argv, "--abstain", "1"]));
    expect(strict).toMatchObject({ text: "", abstained: true, confidence: free.confidence });
    const text = await runCommand("generate", [at("exported"), "--prompt", "ab", "--abstain", "1"]);
    expect([text.stdout, text.stderr]).toEqual(["\n", expect.stringContaining("1 of 1 answers withheld")]);
  });

  test("eval reports the model's confidence, and chooses a threshold that keeps correct answers", async () => {
    const argv = ["--data", at("rows.jsonl"), "--metrics", "exactMatch", "-o", at("predictions.jsonl")];
    const outcome = await runCommand("eval", [at("exported"), ...argv, "--abstain", "choose", "--json"]);
    const { confidence } = z
      .object({
        confidence: z.object({
          mean: z.number(),
          calibrationError: z.number(),
          abstention: z.looseObject({ threshold: z.number() }),
        }),
      })
      .parse(resultOf(outcome));
    const lowest = Math.min(...(await linesOf("predictions.jsonl")).map((row) => Number(row.confidence)));
    expect(confidence.abstention).toEqual({
      threshold: lowest,
      rows: (await linesOf("rows.jsonl")).length,
      coverage: 1,
      errorRate: 0,
    });
    const text = await runCommand("eval", [at("exported"), ...argv, "--abstain", "0.5"]);
    expect(text.stdout).toMatch(
      /confidence {2}mean .*, calibration error .*\nabstention {2}below a confidence of 0.500/,
    );
    expect((await runCommand("eval", [at("exported"), ...argv, "--abstain", "most"])).exitCode).toBe(2);
  });

  test("deploy writes the threshold into the bundle; generate uses it and info shows it", async () => {
    const argv = ["--abstain", at("rows.jsonl"), "-o", at("bundle"), "--json"];
    expect((await runCommand("deploy", [at("exported"), ...argv])).exitCode).toBe(0);
    const { abstention, metrics } = resultOf(await runCommand("info", [at("bundle"), "--json"]));
    expect(abstention).toMatchObject({ threshold: A_NUMBER, coverage: 1, errorRate: 0 });
    expect(metrics).toEqual({});
    const withOwn = resultOf(await runCommand("generate", [at("bundle"), "--prompt", "ab", "--json"]));
    expect(withOwn.abstained).toEqual(expect.any(Boolean));
    const off = await runCommand("generate", [at("bundle"), "--prompt", "ab", "--abstain", "off", "--json"]);
    expect(resultOf(off).abstained).toBeUndefined();
    const again = await runCommand("deploy", [at("bundle"), "--abstain", at("rows.jsonl"), "-o", at("b2")]);
    expect([again.exitCode, again.stderr]).toEqual([2, expect.stringContaining("delivered unchanged")]);
  });
});

describe("slm info", () => {
  test("describes a checkpoint and an export", async () => {
    expect(resultOf(await runCommand("info", [at("checkpoint"), "--json"]))).toMatchObject({
      kind: "checkpoint",
      architecture: "encoder-decoder",
      parameters: A_NUMBER,
      graphs: [],
      target: null,
      limits: { maxSource: 20, maxTarget: 8 },
      tokenizer: { tokens: 120 },
    });
    const exported = await runCommand("info", [at("exported"), "--json"]);
    expect(resultOf(exported)).toMatchObject({
      kind: "export",
      graphs: [{ name: "encoder" }, { name: "decoder" }],
      target: { target: "cpu", scheme: "float32" },
    });
    const text = await runCommand("info", [at("exported")]);
    expect(text.stdout).toMatch(/^parameters {2}\d/m);
    expect(text.stdout.trimEnd().endsWith(at("exported"))).toBe(true);
    expect((await runCommand("info", [at("nowhere")])).exitCode).toBe(66);
  });
});

test("slm info lists the runs of a folder, and says what is missing if there are none", async () => {
  await mkdir(at("folder/first/data.partial"), { recursive: true });
  const { json } = await runCommand("info", [at("folder"), "--json"]);
  expect(json).toMatchObject({
    result: { runs: [{ name: "first", status: "interrupted", unfinished: "data" }] },
  });
  expect((await runCommand("info", [at("folder/first/data.partial")])).exitCode).toBe(66);
  expect((await runCommand("info", [at("nowhere")])).exitCode).toBe(66);
});
