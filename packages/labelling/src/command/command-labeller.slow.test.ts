import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "@slm/core/testing";
import type { Progress, SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { teacherConfig } from "../teacher-config.js";
import type { Labeller } from "../labeller/labeller.js";
import { openLabeller } from "../teachers/open-labeller.js";
import type { CommandTeacherConfig } from "./command-config.js";
import { writeCommandFile } from "./command-file.js";

const root = temporaryFolder({ each: true });

/** A Node program that calls `answer(line)` for every line. */
const perLine = (answer: string, before = ""): string => `
  const { createInterface } = require("node:readline");
  const { appendFileSync, existsSync, writeFileSync } = require("node:fs");
  appendFileSync("starts", "start\\n");
  ${before}
  const answer = ${answer};
  createInterface({ input: process.stdin }).on("line", (line) => {
    const target = answer(line);
    if (target !== undefined) console.log(target);
  });`;

interface Told {
  readonly labeller: Labeller;
  readonly told: string[];
}

async function open(
  program: string,
  changes: Partial<CommandTeacherConfig> = {},
  timeoutMs = 20_000,
): Promise<Told> {
  const path = join(root, "program.cjs");
  await writeFile(path, `process.chdir(${JSON.stringify(root)});\n${program}`);
  const settings = { kind: "command", command: [process.execPath, path], ...changes };
  await writeCommandFile(root, teacherConfig.parse(settings) as CommandTeacherConfig);
  const told: string[] = [];
  const progress: Progress = ({ message }) => told.push(message ?? "");
  const labeller = await openLabeller(root, { progress, timeoutMs });
  return { labeller: labeller!, told };
}

const options = (signal = new AbortController().signal): Parameters<Labeller["answer"]>[1] => ({
  signal,
});

const targets = async (labeller: Labeller, sources: readonly string[]): Promise<unknown[]> =>
  (await labeller.answer(sources, options())).map((answer) => answer?.target);

const starts = async (): Promise<number> =>
  (await readFile(join(root, "starts"), "utf8")).split("\n").length - 1;

const failureOf = (work: Promise<unknown>): Promise<SlmError> =>
  work.then(
    () => Promise.reject(new Error("expected a failure")),
    (error: unknown) => error as SlmError,
  );

/** A program that answers the text of a source with an expression of `text`. */
const perText = (target: string, before = ""): string =>
  perLine(
    `(line) => { const text = JSON.parse(line).source; return JSON.stringify({ target: ${target} }); }`,
    before,
  );

const CAPITALS = "(line) => JSON.stringify({ target: JSON.parse(line).source.toUpperCase() })";

describe("a program as teacher", () => {
  test("answers JSON lines in order, line breaks included, in one process", async () => {
    const { labeller } = await open(perLine(CAPITALS));
    expect(await targets(labeller, ["a", "two\nlines", "ü\u2028"])).toEqual(["A", "TWO\nLINES", "Ü\u2028"]);
    expect(await targets(labeller, ["b"])).toEqual(["B"]);
    await labeller.close();
    expect(await starts()).toBe(1);
  });

  test("returns its score, and no answer if the target is null", async () => {
    const { labeller } = await open(
      perLine('(line) => (line.includes("x") ? \'{"target":null}\' : \'{"target":"T","score":-0.25}\')'),
    );
    expect(await labeller.answer(["x", "y"], options())).toEqual([
      undefined,
      { target: "T", score: -0.25, finished: true },
    ]);
    await labeller.close();
  });

  test("reads many long lines, more than a pipe can buffer", async () => {
    const { labeller } = await open(perLine(CAPITALS));
    const sources = Array.from({ length: 300 }, (_, index) => `${index} ${"x".repeat(5000)}`);
    expect(await targets(labeller, sources)).toEqual(sources.map((source) => source.toUpperCase()));
    await labeller.close();
  });

  test("is started again after a crash, and a source that crashes it twice is set aside", async () => {
    const { labeller, told } = await open(perText('(text === "bad" ? process.exit(7) : text + "!")'));
    expect(await targets(labeller, ["a", "bad", "b", "c"])).toEqual(["a!", undefined, "b!", "c!"]);
    await labeller.close();
    expect(await starts()).toBe(3);
    expect(told.join("\n")).toMatch(
      /ended with code 7 2 times at the source .*bad.*, which was set aside \(1 so far\)/u,
    );
  });

  test("loses no answers if it crashes once", async () => {
    const once =
      '(text === "c" && !existsSync("once") ? (writeFileSync("once", ""), process.exit(1)) : text)';
    const { labeller } = await open(perText(once));
    expect(await targets(labeller, ["a", "b", "c", "d"])).toEqual(["a", "b", "c", "d"]);
    await labeller.close();
    expect(await starts()).toBe(2);
  });

  test("is an error with its last output if it crashes at every source", async () => {
    const { labeller, told } = await open('console.error("no rules found"); process.exit(3);');
    const failure = await failureOf(labeller.answer(["a", "b", "c", "d"], options()));
    expect(failure).toMatchObject({ code: "DATA_INVALID", context: { standardError: "no rules found" } });
    expect(failure.message).toMatch(/ended with code 3 at each of 3 sources in a row/u);
    expect(told.join("\n")).toContain(": no rules found");
  });

  test.each([
    ["keeps its output back", 300, "setInterval(() => {}, 1000)", /sent no answer for 0.3 s/u],
    [
      "writes other lines",
      20_000,
      perLine('() => "hello"'),
      /expected a line \{"target": ...\}, got "hello"/u,
    ],
    ["writes a score above 0", 20_000, perLine('() => \'{"target":"a","score":2}\''), /expected a line/u],
  ])("that %s is an error", async (_, timeoutMs, program, message) => {
    const { labeller } = await open(program, {}, timeoutMs);
    const failure = await failureOf(labeller.answer(["a"], options()));
    expect(failure).toMatchObject({ code: "DATA_INVALID" });
    expect(failure.message).toMatch(message);
  });

  test("that writes more lines than it was sent is an error", async () => {
    const { labeller } = await open(perLine('() => \'{"target":"A"}\\nmore\''));
    await labeller.answer(["a"], options());
    expect((await failureOf(labeller.close())).message).toMatch(/wrote more lines than it was sent/u);
  });

  test("that fails after its last answer is an error", async () => {
    const { labeller } = await open(perText("text", 'process.on("beforeExit", () => process.exit(4));'));
    expect(await targets(labeller, ["a"])).toEqual(["a"]);
    expect((await failureOf(labeller.close())).message).toMatch(/ended with code 4 after its last answer/u);
  });

  test("that does not exist is an error before any answer", async () => {
    const { labeller } = await open("", { command: ["slm-no-such-program"] });
    const failure = await failureOf(labeller.answer(["a"], options()));
    expect(failure).toMatchObject({ code: "INPUT_MISSING" });
    expect(failure.message).toMatch(/the program slm-no-such-program was not found/u);
  });

  test("is ended with its children when the run is interrupted", async () => {
    const child =
      'require("node:child_process").spawn(process.execPath, ["-e", \'setTimeout(() => require("node:fs").writeFileSync("alive", ""), 700)\'], { stdio: "inherit" });';
    const { labeller } = await open(perLine("() => undefined", child));
    const controller = new AbortController();
    const work = failureOf(labeller.answer(["a"], options(controller.signal)));
    while (!existsSync(join(root, "starts"))) await sleep(10);
    await sleep(100);
    controller.abort();
    expect(await work).toMatchObject({ code: "INTERRUPTED" });
    await sleep(1000);
    expect(existsSync(join(root, "alive"))).toBe(false);
  });

  test("has another identity when a file that it reads has changed", async () => {
    const identities: string[] = [];
    for (const rule of ["one", "two"]) {
      await writeFile(join(root, "rules"), rule);
      const { labeller } = await open("", { files: [join(root, "rules")] });
      identities.push(labeller.identity);
    }
    expect(identities[0]).not.toBe(identities[1]);
  });
});
