import { SlmError } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openBatchedModel } from "../model/open-batched-model.js";
import type { MemoryModel } from "@slm/exported-model/testing";
import { createMemoryModel, writeMemoryModel } from "../memory-model.test-support.js";
import { ServerMetrics } from "../metrics.js";
import { ModelHost } from "../model/model-host.js";
import { serveConfig, type ServeConfig } from "../serve-config.js";
import { ApiKeys } from "./api-keys.js";
import { createApp } from "./app.js";

const KEY = "a-key-of-sixteen-letters";
const LOADING = { maxRows: 4, maxWaiting: 8, limits: serveConfig.parse({}) };
const ADMIN = "the-administrator's-key".replaceAll("'", "-");

const directory = temporaryFolder();
let runtimes: MemoryModel[] = [];
let host: ModelHost;
let failures: unknown[] = [];

beforeAll(async () => {
  await writeMemoryModel(directory);
  host = await openHost();
});
afterAll(() => host.close());
beforeEach(() => {
  failures = [];
});

function openHost(): Promise<ModelHost> {
  runtimes = [];
  return ModelHost.open(() => {
    const runtime = createMemoryModel();
    runtimes.push(runtime);
    return openBatchedModel(directory, runtime, LOADING);
  });
}

function appOf(options: { config?: Partial<ServeConfig>; keys?: string[]; host?: ModelHost } = {}) {
  return createApp({
    host: options.host ?? host,
    metrics: new ServerMetrics(),
    config: serveConfig.parse(options.config ?? {}),
    keys: new ApiKeys(options.keys ?? []),
    adminKeys: new ApiKeys([ADMIN]),
    isAllowedHost: () => true,
    onFailure: (error) => failures.push(error),
  });
}

type App = ReturnType<typeof appOf>;

async function post(app: App, path: string, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await app.request(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: text,
  });
  const answer = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text: answer,
    json: () => JSON.parse(answer) as unknown,
  };
}

describe(createApp, () => {
  test("answers a plain request, alone and as a batch in order", async () => {
    const app = appOf();
    const one = await post(app, "/generate", { source: "abc" });
    expect(one.json()).toMatchObject({
      results: [{ text: "C B A", reason: "stop", sourceTokens: 3, tokens: 4 }],
    });
    const two = await post(app, "/generate", { source: ["ab", "cde"] });
    expect(two.json()).toMatchObject({ results: [{ text: "B A" }, { text: "E D C" }] });
  });

  test("answers completions and chat in OpenAI's forms", async () => {
    const app = appOf();
    const completion = await post(app, "/v1/completions", { model: "memory", prompt: "abc" });
    expect(completion.json()).toMatchObject({
      object: "text_completion",
      choices: [{ index: 0, text: "C B A", finish_reason: "stop" }],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    });
    const chat = await post(app, "/v1/chat/completions", {
      messages: [{ role: "user", content: [{ type: "text", text: "ab" }] }],
      max_completion_tokens: 1,
    });
    expect(chat.json()).toMatchObject({
      object: "chat.completion",
      choices: [{ message: { role: "assistant", content: "B" }, finish_reason: "length" }],
    });
  });

  test("returns the confidence, and the reason for a withheld answer, streamed or not", async () => {
    const given = await post(appOf(), "/generate", { source: "ab" });
    const { results } = given.json() as { results: [{ confidence: number; logProbability: number }] };
    expect(results[0].confidence).toBeCloseTo(Math.exp(results[0].logProbability), 12);
    expect(given.json()).toMatchObject({ results: [{ text: "B A", abstained: false }] });
    const strict = await ModelHost.open(() =>
      openBatchedModel(directory, createMemoryModel(), { ...LOADING, abstain: 1 }),
    );
    const app = appOf({ host: strict });
    const withheld = { confidence: expect.any(Number) as number, abstained: true };
    // The answer of this model is certain on the device; its tokens are chosen here, so that its probability counts.
    const sampled = { temperature: 1, top_k: 1, seed: 1 };
    const completion = await post(app, "/v1/completions", { prompt: "ab", ...sampled });
    expect(completion.json()).toMatchObject({ choices: [{ text: "", ...withheld }] });
    const messages = [{ role: "user", content: "ab" }];
    const chat = await post(app, "/v1/chat/completions", { messages, ...sampled });
    const refusal = expect.stringMatching(/not sure enough of its answer \(confidence 0\.\d+\)/) as string;
    expect(chat.json()).toMatchObject({ choices: [{ message: { content: "", refusal }, ...withheld }] });
    const stream = await post(app, "/v1/chat/completions", { messages, ...sampled, stream: true });
    expect(stream.text).toContain('"refusal":"The model is not sure enough');
    expect(stream.text).not.toContain('"content":"B');
    await strict.close();
  });

  test("returns log-probabilities of the tokens and their alternatives in OpenAI's formats", async () => {
    const app = appOf();
    // One logit is 1 and the 19 others are 0.
    const best = 1 - Math.log(Math.E + 19);
    const completion = await post(app, "/v1/completions", { prompt: "ab", logprobs: 2 });
    const { choices } = completion.json() as { choices: [{ logprobs: Record<string, unknown[]> }] };
    expect(choices[0].logprobs).toEqual({
      tokens: ["B", " A"],
      token_logprobs: [expect.closeTo(best, 5), expect.closeTo(best, 5)],
      top_logprobs: [
        { B: expect.closeTo(best, 5) as number, "": expect.closeTo(best - 1, 5) as number },
        { " A": expect.closeTo(best, 5) as number, "": expect.closeTo(best - 1, 5) as number },
      ],
      text_offset: [0, 1],
    });
    const chat = await post(app, "/v1/chat/completions", {
      messages: [{ role: "user", content: "a" }],
      logprobs: true,
      top_logprobs: 1,
      temperature: 1,
      seed: 3,
      top_k: 1,
    });
    expect(chat.json()).toMatchObject({
      choices: [
        {
          message: { content: "A", refusal: null },
          logprobs: {
            content: [
              {
                token: "A",
                bytes: [65],
                logprob: expect.closeTo(best, 5) as number,
                top_logprobs: [{ token: "A", bytes: [65], logprob: expect.closeTo(best, 5) as number }],
              },
            ],
          },
        },
      ],
    });
    const without = await post(app, "/v1/completions", { prompt: "ab" });
    expect(without.json()).toMatchObject({ choices: [{ logprobs: null }] });
  });

  test("accepts OpenAI's sampling options and those of other servers", async () => {
    const app = appOf();
    const sampled = { prompt: "abc", temperature: 2, seed: 3 };
    const text = async (more: object): Promise<string> => {
      const { status, json } = await post(app, "/v1/completions", { ...sampled, ...more });
      expect(status).toBe(200);
      return (json() as { choices: [{ text: string }] }).choices[0].text;
    };
    expect(await text({ top_k: 1 })).toBe("C B A");
    expect(await text({ min_p: 1 })).toBe("C B A");
    expect(await text({ top_k: 3 })).toBe(await text({ top_k: 3 }));
    const forbidden = await post(app, "/v1/completions", {
      prompt: "abc",
      logit_bias: { "2": -100 },
      max_tokens: 6,
    });
    expect(forbidden.json()).toMatchObject({
      choices: [{ finish_reason: "length" }],
      usage: { completion_tokens: 6 },
    });
    const tooLarge = await post(app, "/v1/completions", { ...sampled, logit_bias: { "999999": 1 } });
    expect(tooLarge).toMatchObject({ status: 400 });
    expect(tooLarge.text).toContain("logitBias");
  });

  test("keeps an answer within a JSON Schema, and rejects a schema it does not know by name", async () => {
    const app = appOf();
    const answer = async (schema: object) => {
      const format = { type: "json_schema", json_schema: { name: "answer", strict: true, schema } };
      const messages = [{ role: "user", content: "abc" }];
      return post(app, "/v1/chat/completions", { messages, response_format: format });
    };
    // The model's own answer is the letters C B A, which are not JSON, and its vocabulary has only letters.
    expect((await answer({ type: "null" })).status).toBe(400);
    const rejected = await answer({ type: "string", pattern: "a" });
    expect(rejected).toMatchObject({ status: 400 });
    expect(rejected.text).toContain("'pattern' is not supported");
    const plain = { prompt: "abc", response_format: { type: "text" } };
    expect((await post(app, "/v1/completions", plain)).text).toContain("C B A");
    expect((await post(app, "/v1/completions", { ...plain, response_format: { type: "xml" } })).status).toBe(
      400,
    );
  });

  test("streams pieces that add up to the answer, and ends with [DONE]", async () => {
    const { text, headers } = await post(appOf(), "/v1/completions", {
      prompt: "abc",
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(headers.get("content-type")).toContain("text/event-stream");
    const events = text.split("\n\n").flatMap((event) => (event === "" ? [] : [event.replace("data: ", "")]));
    expect(events.at(-1)).toBe("[DONE]");
    const chunks = events
      .slice(0, -1)
      .map((event) => JSON.parse(event) as { choices: { text: string }[]; usage?: object });
    expect(chunks.flatMap(({ choices }) => choices.map(({ text: piece }) => piece)).join("")).toBe("C B A");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 4 } });
  });

  test.each<readonly [string, string, unknown, RegExp]>([
    ["no JSON", "/generate", "{", /JSON/],
    ["an unknown option", "/v1/completions", { prompt: "a", suffix: "b" }, /suffix/],
    ["streamed log-probabilities", "/v1/completions", { prompt: "a", stream: true, logprobs: 3 }, /logprobs/],
    ["several answers to one prompt", "/v1/completions", { prompt: "a", n: 2 }, /n:/],
    [
      "a language, of a model that is told none",
      "/generate",
      { source: "a", targetLanguage: "fr" },
      /no languages/,
    ],
    ["the same of OpenAI's form", "/v1/completions", { prompt: "a", source_language: "fr" }, /no languages/],
    ["another model", "/v1/completions", { prompt: "a", model: "gpt" }, /no model 'gpt'/],
    ["a letter the model does not know", "/generate", { source: "xyz" }, /./],
    ["a source that is too long", "/generate", { source: "a".repeat(11) }, /at most 10/],
    ["an empty list", "/generate", { source: [] }, /source/],
    ["a temperature out of range", "/v1/completions", { prompt: "a", temperature: 3 }, /temperature/],
    ["a rejected prompt as a stream", "/v1/completions", { prompt: "xyz", stream: true }, /./],
  ])("rejects %s with 400 and a reason", async (_name, path, body, message) => {
    const { status, json } = await post(appOf(), path, body);
    expect(status).toBe(400);
    const { error } = json() as { error: { message: string; type: string } };
    expect(error.type).toBe("invalid_request_error");
    expect(error.message).toMatch(message);
    expect(failures).toEqual([]);
  });

  test("rejects a body that is not said to be JSON with 415", async () => {
    const request = { method: "POST", body: "{}", headers: { "content-type": "text/plain" } };
    const response = await appOf().request("/generate", request);
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error" } });
    expect(failures).toEqual([]);
  });

  test("rejects a body that is too large, an unknown path, and too many sources", async () => {
    const app = appOf({ config: { maxBodyBytes: 1024 } });
    expect((await post(app, "/generate", { source: "a".repeat(2000) })).status).toBe(413);
    expect((await post(app, "/nowhere", {})).status).toBe(404);
    expect((await post(app, "/generate", { source: Array<string>(65).fill("a") })).status).toBe(400);
  });

  test("answers 429 with Retry-After when the queue is full, and queues no part of the request", async () => {
    const app = appOf();
    const { status, headers } = await post(app, "/generate", {
      source: Array.from({ length: 9 }, () => "abc"),
    });
    expect([status, headers.get("retry-after")]).toEqual([429, "1"]);
    expect(host.current.loop.waiting + host.current.loop.active).toBe(0);
  });

  test("answers 504 when the answer takes too long", async () => {
    runtimes.at(-1)!.stepMs = 20;
    const { status } = await post(appOf({ config: { timeoutSeconds: 0.03 } }), "/generate", {
      source: "abcdefgh",
    });
    runtimes.at(-1)!.stepMs = 0;
    expect(status).toBe(504);
  });

  test("asks for a key where keys are set, but not for health", async () => {
    const app = appOf({ keys: [KEY] });
    expect((await post(app, "/generate", { source: "ab" })).status).toBe(401);
    expect((await post(app, "/generate", { source: "ab" }, { authorization: `Bearer ${KEY}x` })).status).toBe(
      401,
    );
    expect((await post(app, "/generate", { source: "ab" }, { authorization: `Bearer ${KEY}` })).status).toBe(
      200,
    );
    expect((await app.request("/metrics")).status).toBe(401);
    expect((await app.request("/health")).status).toBe(200);
  });

  test("reloads for the administrator only; answers in progress end with the model they began with", async () => {
    const own = await openHost();
    const app = appOf({ host: own });
    runtimes[0]!.stepMs = 3;
    const old = post(app, "/generate", { source: "abcdefgh" });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await post(app, "/admin/reload", "")).status).toBe(401);
    expect((await post(app, "/admin/reload", "", { authorization: `Bearer ${ADMIN}` })).status).toBe(200);
    expect(runtimes).toHaveLength(2);
    expect((await post(app, "/generate", { source: "ab" })).status).toBe(200);
    expect((await old).status).toBe(200);
    await own.close();
    expect(runtimes.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  test("rejects new requests while it drains, and says so", async () => {
    const own = await openHost();
    const app = appOf({ host: own });
    await own.drain();
    expect((await post(app, "/generate", { source: "ab" })).status).toBe(503);
    expect(await (await app.request("/health")).json()).toMatchObject({ status: "draining" });
    await own.close();
  });

  test("hides internal errors from the client, and reports them to the server", async () => {
    const own = await openHost();
    runtimes[0]!.failure = new SlmError("DEVICE_UNAVAILABLE", "secret path");
    const { status, text } = await post(appOf({ host: own }), "/generate", { source: "ab" });
    expect([status, text.includes("secret")]).toEqual([500, false]);
    expect(failures).toHaveLength(1);
    await own.close();
  });

  test("counts answers by route and status, and unknown paths as one", async () => {
    const app = appOf();
    await post(app, "/generate", { source: "ab" });
    await post(app, "/one", {});
    await post(app, "/two", {});
    const text = await (await app.request("/metrics")).text();
    expect(text).toContain('slm_http_requests_total{route="/generate",status="200"} 1');
    expect(text).toContain('slm_http_requests_total{route="unknown",status="404"} 2');
    expect(text).toMatch(/slm_request_seconds_bucket\{le="\+Inf"\} 1/);
  });

  test("answers any body with a status of its table, and never fails inside", async () => {
    const app = appOf();
    const json = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.string(),
      corrupt(),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("/generate", "/v1/completions", "/v1/chat/completions"),
        json,
        async (path, body) => {
          const { status } = await post(app, path, body);
          expect([200, 400, 413, 429]).toContain(status);
        },
      ),
      { numRuns: 150 },
    );
    expect(failures).toEqual([]);
  });
});

/** Requests that were right before something was cut out of them or put into them. */
function corrupt(): fc.Arbitrary<string> {
  const right = JSON.stringify({
    prompt: "abc",
    messages: [{ role: "user", content: "abc" }],
    max_tokens: 3,
  });
  return fc
    .tuple(
      fc.nat({ max: right.length }),
      fc.nat({ max: 6 }),
      fc.constantFrom("", "-", "1e999", "null", '"', "\u0000", "[["),
    )
    .map(([at, cut, put]) => right.slice(0, at) + put + right.slice(at + cut));
}
