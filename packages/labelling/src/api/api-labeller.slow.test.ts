import { SILENT } from "@slm/core";
import { describe, expect, test } from "vitest";
import { openLabeller } from "../teachers/open-labeller.js";
import { ApiFixture } from "../test-support/api-fixture.test-support.js";
import { capitals, chatAnswer, reject, type Answering } from "../test-support/fake-api.test-support.js";
import { apiFileOf, writeApiFile } from "./api-file.js";

const fixture = new ApiFixture();

describe("a teacher behind a server", () => {
  test("answers sources in order", async () => {
    const delays = [30, 0, 10];
    const labelled = await fixture.label(
      ["a", "bc", "d"],
      {},
      {
        answering: (call, response) => {
          setTimeout(() => response.end(JSON.stringify(capitals(call, response))), delays.shift());
          return undefined;
        },
      },
    );
    expect(labelled.answers).toEqual([
      { target: "A", finished: true },
      { target: "BC", finished: true },
      { target: "D", finished: true },
    ]);
    expect(labelled.told.at(-1)?.message).toMatch(
      /^tiny: 3 of 3 answers, 0 cached, 34 tokens, about 0 s left$/u,
    );
  });

  test("sends messages to chat models, greedily and without a seed", async () => {
    await fixture.label(["red"], {
      prompt: { instruction: "Translate.", before: "Word: ", after: "!" },
      extra: { stop: ["\n"], top_k: 1 },
    });
    expect(fixture.api.calls[0]).toMatchObject({ path: "/v1/chat/completions" });
    expect(fixture.api.calls[0]!.headers.authorization).toBeUndefined();
    expect(fixture.api.calls[0]!.body).toEqual({
      model: "tiny",
      messages: [
        { role: "system", content: "Translate." },
        { role: "user", content: "Word: red!" },
      ],
      max_tokens: 256,
      temperature: 0,
      stop: ["\n"],
      top_k: 1,
    });
  });

  test("sends no temperature to models that need max_completion_tokens", async () => {
    await fixture.label(["red"], { extra: { max_completion_tokens: 256 } });
    expect(fixture.api.calls[0]!.body).toEqual({
      model: "tiny",
      messages: [{ role: "user", content: "red" }],
      max_completion_tokens: 256,
    });
  });

  test("puts examples into earlier turns, or before a plain prompt, which then ends at a line break", () => {
    const rows = [{ source: "one", target: "eins" }];
    const chat = apiFileOf(fixture.settingsOf({ prompt: { before: "> ", examples: 1 } }), rows);
    expect(chat.request.prompt).toEqual({
      chat: true,
      before: "> ",
      after: "",
      messages: [
        { role: "user", content: "> one" },
        { role: "assistant", content: "eins" },
      ],
    });
    const plain = { chat: false, instruction: "Translate.\n", before: "en: ", after: "\nde: ", examples: 1 };
    const { request } = apiFileOf(fixture.settingsOf({ prompt: plain }), rows);
    expect(request).toMatchObject({
      prompt: { before: "Translate.\nen: one\nde: eins\nen: ", after: "\nde: " },
      stop: ["\n"],
    });
  });

  test("sends texts to completions", async () => {
    const labelled = await fixture.label(
      ["red"],
      { prompt: { chat: false, before: "in: " } },
      {
        answering: () => ({ choices: [{ text: " xy\n", finish_reason: "stop" }] }),
      },
    );
    expect(fixture.api.calls[0]).toMatchObject({
      path: "/v1/completions",
      body: { prompt: "in: red\n", max_tokens: 256 },
    });
    expect(labelled.answers).toEqual([{ target: "xy", finished: true }]);
  });

  test("does not exceed the number of concurrent requests", async () => {
    let [open, most] = [0, 0];
    await fixture.label(
      Array.from({ length: 20 }, (_, index) => `word ${index}`),
      { concurrency: 3 },
      {
        answering: (call, response) => {
          open += 1;
          most = Math.max(most, open);
          setTimeout(() => {
            open -= 1;
            response.end(JSON.stringify(capitals(call, response)));
          }, 5);
          return undefined;
        },
      },
    );
    expect(most).toBe(3);
  });

  test("changes its identity with the request, but not with limits", async () => {
    const identities: string[] = [];
    for (const changes of [{}, { concurrency: 9, budget: 3 }, { maxTokens: 9 }]) {
      await writeApiFile(fixture.root, apiFileOf(fixture.settingsOf(changes), []));
      identities.push((await openLabeller(fixture.root, { progress: SILENT }))!.identity);
    }
    expect(identities[0]).toBe(identities[1]);
    expect(identities[0]).not.toBe(identities[2]);
  });
});

describe("rows without an answer", () => {
  test("are rows that the server filters, finds too long, or answers with an empty text", async () => {
    const rejections: Record<string, Answering> = {
      filtered: () => chatAnswer("", { finish: "content_filter" }),
      refused: () => ({ choices: [{ message: { content: null, refusal: "no" }, finish_reason: "stop" }] }),
      policy: (_, response) => {
        reject(response, 400, { code: "content_filter", message: "policy" });
      },
      "long in vllm": (_, response) => {
        reject(response, 400, { message: "This model's maximum context length is 8 tokens.", code: 400 });
      },
      "long in llama.cpp": (_, response) => {
        reject(response, 400, { message: "too large", type: "exceed_context_size_error", code: 400 });
      },
      empty: () => chatAnswer(" \n"),
    };
    const sources = [...Object.keys(rejections), "fine"];
    const answering: Answering = (call, response) => (rejections[call.asked] ?? capitals)(call, response);
    const { answers } = await fixture.label(sources, {}, { answering });
    expect(answers.map((given) => given !== undefined)).toEqual([...Array<boolean>(6).fill(false), true]);
    // Only rows that were too long are requested again; they cost nothing.
    const before = fixture.api.calls.length;
    await fixture.label(sources);
    const asked = fixture.api.calls.slice(before).map((call) => call.asked);
    expect(asked.sort()).toEqual(["long in llama.cpp", "long in vllm"]);
  });

  test("an answer that reached its limit is unfinished", async () => {
    const { answers } = await fixture.label(
      ["a"],
      {},
      { answering: () => chatAnswer("A", { finish: "length" }) },
    );
    expect(answers).toEqual([{ target: "A", finished: false }]);
  });
});
