import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { ApiFixture, failureOf, targetsOf } from "../test-support/api-fixture.test-support.js";
import { capitals, type Answering } from "../test-support/fake-api.test-support.js";
import { apiFileOf, writeApiFile } from "./api-file.js";

const fixture = new ApiFixture();

describe("answers that were paid for", () => {
  test("are not requested again, by this run or another", async () => {
    const first = await fixture.label(["a", "b", "a"]);
    expect(fixture.api.calls).toHaveLength(2);
    const second = await fixture.label(["b", "a", "c"], { concurrency: 1 });
    expect(fixture.api.calls).toHaveLength(3);
    expect(targetsOf(second)).toEqual(["B", "A", "C"]);
    expect(second.answers[1]).toEqual(first.answers[0]);
    expect(second.told.at(-1)?.message).toMatch(/3 of 3 answers, 2 cached/u);
  });

  test("are rejected if their file was changed", async () => {
    await fixture.label(["a"]);
    const folder = join(fixture.answersDirectory, "requests");
    const [file] = await readdir(folder);
    await appendFile(join(folder, file!), "other text");
    expect(await failureOf(fixture.label(["a"]))).toMatchObject({ code: "DATA_INVALID" });
  });

  test.skipIf(process.platform === "win32")("can be read only by their owner", async () => {
    await fixture.label(["a"]);
    expect((await stat(fixture.answersDirectory)).mode & 0o077).toBe(0);
  });

  test("are kept after an interruption, including answers that are still on their way", async () => {
    const controller = new AbortController();
    const failure = await failureOf(
      fixture.label(
        ["a", "b", "c", "d"],
        { concurrency: 2 },
        {
          signal: controller.signal,
          answering: (call, response) => {
            if (fixture.api.calls.length === 2)
              setTimeout(() => {
                controller.abort();
              }, 5);
            setTimeout(() => response.end(JSON.stringify(capitals(call, response))), 50);
            return undefined;
          },
        },
      ),
    );
    expect(failure).toMatchObject({ code: "INTERRUPTED" });
    expect(fixture.api.calls).toHaveLength(2);
    expect(targetsOf(await fixture.label(["a", "b", "c", "d"], {}, { answering: capitals }))).toEqual([
      "A",
      "B",
      "C",
      "D",
    ]);
    expect(fixture.api.calls).toHaveLength(4);
  });

  test("are kept when the process is killed, and a rerun repeats no request that was answered", async () => {
    await writeApiFile(fixture.root, apiFileOf(fixture.settingsOf({ concurrency: 1 }), []));
    const library = pathToFileURL(join(import.meta.dirname, "..", "..", "dist", "index.js")).href;
    const program = `
      const { openLabeller } = await import(${JSON.stringify(library)});
      const labeller = await openLabeller(${JSON.stringify(fixture.root)}, {
        progress: ({ message }) => console.log(message),
        answersDirectory: ${JSON.stringify(fixture.answersDirectory)},
      });
      const signal = new AbortController().signal;
      await labeller.answer(["a", "b", "c", "d", "e"], { signal });`;
    // The third request is never answered.
    fixture.api.answering = (call, response) => (call.asked === "c" ? undefined : capitals(call, response));
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (text.includes("2 of 5 answers")) child.kill("SIGKILL");
    });
    await once(child, "close");
    const asked = fixture.api.calls.map((call) => call.asked);
    expect(asked.slice(0, 2)).toEqual(["a", "b"]);

    const before = fixture.api.calls.length;
    const labelled = await fixture.label(
      ["a", "b", "c", "d", "e"],
      { concurrency: 1 },
      { answering: capitals },
    );
    expect(targetsOf(labelled)).toEqual(["A", "B", "C", "D", "E"]);
    expect(fixture.api.calls.slice(before).map((call) => call.asked)).toEqual(["c", "d", "e"]);
  });

  test("of processes that write at the same time are all kept", async () => {
    const [first, second] = await Promise.all([
      fixture.label(["a", "b", "c"], { concurrency: 2 }),
      fixture.label(["d", "e", "f"], { concurrency: 2 }),
    ]);
    expect([targetsOf(first), targetsOf(second)]).toEqual([
      ["A", "B", "C"],
      ["D", "E", "F"],
    ]);
    const before = fixture.api.calls.length;
    await fixture.label(["a", "b", "c", "d", "e", "f"]);
    expect(fixture.api.calls).toHaveLength(before);
  });
});

describe("the budget", () => {
  const words = ["a", "b", "c", "d"];

  // An answer costs 11 tokens. The upper bound of a request: 1 byte, 8 and 128 for the template, 20 for the target.
  const bound = 1 + 8 + 128 + 20;

  test("ends the stage before a request that could exceed it; a larger budget continues", async () => {
    const changes = { maxTokens: 20, concurrency: 4 };
    const poor = { ...changes, budget: bound + 12 };
    const failure = await failureOf(fixture.label(words, poor));
    expect(failure).toMatchObject({
      code: "BUDGET_EXCEEDED",
      exitCode: 3,
      context: { limit: bound + 12, tokens: 22, requests: 2 },
    });
    expect(fixture.api.calls).toHaveLength(2);
    // Answers that were paid for count again, so the same budget stops at the same point.
    expect(await failureOf(fixture.label(words, poor))).toMatchObject({ code: "BUDGET_EXCEEDED" });
    expect(fixture.api.calls).toHaveLength(2);
    const labelled = await fixture.label(words, { ...changes, budget: bound + 33 });
    expect(targetsOf(labelled)).toEqual(["A", "B", "C", "D"]);
    expect(fixture.api.calls).toHaveLength(4);
  });

  test("counts the upper bound if the server does not send the cost of an answer", async () => {
    const answering: Answering = () => ({ choices: [{ message: { content: "A" }, finish_reason: "stop" }] });
    const failure = await failureOf(fixture.label(words, { maxTokens: 20, budget: 400 }, { answering }));
    expect(failure.context).toMatchObject({ tokens: 2 * 157 });
  });
});
