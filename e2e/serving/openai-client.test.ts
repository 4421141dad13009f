/** Tests `slm serve` with OpenAI's own client. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answersAlone, bundle, startServe, type ServerProcess } from "./command-line.js";

/** Letters in every alphabet of these tests. */
const WORDS = ["abc", "deb", "cab", "bed", "ace", "dad", "bad", "add", "cede", "abed"];
const KEY = "a-key-for-these-tests";
const ADMIN = "an-admin-key-for-these-tests";

const root = temporaryFolder();
let server: ServerProcess;
let client: OpenAI;
let expected: string[];

beforeAll(async () => {
  expected = await answersAlone(WORDS);
  server = await startServe(bundle, {
    flags: ["--threads", "1"],
    env: { SLM_API_KEYS: KEY, SLM_ADMIN_KEY: ADMIN },
  });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: KEY, maxRetries: 0 });
});
afterAll(() => {
  server.process.kill("SIGKILL");
});

async function modelName(): Promise<string> {
  const { data } = await client.models.list();
  return data[0]!.id;
}

describe("completions", () => {
  test("give the text that slm generate gives, one prompt or several", async () => {
    const model = await modelName();
    const one = await client.completions.create({ model, prompt: WORDS[0]! });
    expect(one.choices[0]!.text).toBe(expected[0]);
    const all = await client.completions.create({ model, prompt: WORDS });
    expect(all.choices.map(({ text }) => text)).toEqual(expected);
    expect(all.usage?.completion_tokens).toBeGreaterThan(0);
  });

  test("stream pieces that add up to it", async () => {
    const stream = await client.completions.create({
      model: await modelName(),
      prompt: WORDS[1]!,
      stream: true,
    });
    const pieces: string[] = [];
    let reason: string | null = null;
    for await (const { choices } of stream) {
      pieces.push(choices[0]!.text);
      reason = choices[0]!.finish_reason;
    }
    expect(pieces.join("")).toBe(expected[1]);
    expect(pieces.length).toBeGreaterThan(1);
    expect(["stop", "length"]).toContain(reason);
  });
});

describe("chat completions", () => {
  test("answer and stream the same text, with usage at the end", async () => {
    const model = await modelName();
    const messages = [{ role: "user" as const, content: WORDS[2]! }];
    const whole = await client.chat.completions.create({ model, messages });
    expect(whole.choices[0]!.message.content).toBe(expected[2]);
    const options = { model, messages, stream: true as const, stream_options: { include_usage: true } };
    const pieces: string[] = [];
    let tokens = 0;
    for await (const { choices, usage } of await client.chat.completions.create(options)) {
      pieces.push(choices[0]?.delta.content ?? "");
      tokens = usage?.completion_tokens ?? tokens;
    }
    expect(pieces.join("")).toBe(expected[2]);
    expect(tokens).toBe(whole.usage!.completion_tokens);
  });
});

describe("the server", () => {
  test("rejects a wrong key and a wrong request with the client's own error classes", async () => {
    const stranger = new OpenAI({
      baseURL: `${server.url}/v1`,
      apiKey: "nobody-knows-this-key",
      maxRetries: 0,
    });
    await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    const wrong = client.completions.create({ model: "other", prompt: "abc" });
    await expect(wrong).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });

  test("answers many at once with the same texts, decoding rows together", async () => {
    const model = await modelName();
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, at) =>
        client.completions.create({ model, prompt: WORDS[at % WORDS.length]! }),
      ),
    );
    answers.forEach(({ choices }, at) => {
      expect(choices[0]!.text).toBe(expected[at % expected.length]);
    });
    const metrics = await (
      await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${KEY}` } })
    ).text();
    const alone = Number(/slm_step_rows_bucket\{le="1"\} (\d+)/.exec(metrics)![1]);
    const steps = Number(/slm_step_rows_count (\d+)/.exec(metrics)![1]);
    expect(steps).toBeGreaterThan(alone);
  });

  test("frees the row of a client that goes away", async () => {
    const model = await modelName();
    const stream = await client.completions.create({ model, prompt: WORDS, stream: true });
    for await (const chunk of stream) {
      expect(chunk.choices).toHaveLength(1);
      break;
    }
    stream.controller.abort();
    await expect
      .poll(async () => ((await (await fetch(`${server.url}/health`)).json()) as { active: number }).active)
      .toBe(0);
  });

  test("loads a new bundle under load without a failed request, and ends when asked, with exit 0", async () => {
    const own = join(root, "bundle");
    await cp(bundle, own, { recursive: true });
    const reloaded = await startServe(own, { flags: ["--threads", "1"], env: { SLM_ADMIN_KEY: ADMIN } });
    const asking = new OpenAI({ baseURL: `${reloaded.url}/v1`, apiKey: "none", maxRetries: 0 });
    let isOver = false;
    let answered = 0;
    const load = Array.from({ length: 8 }, async (_, at) => {
      const index = at % WORDS.length;
      while (!isOver) {
        const { choices } = await asking.completions.create({ model: "", prompt: WORDS[index]! });
        expect(choices[0]!.text).toBe(expected[index]);
        answered++;
      }
    });
    reloaded.process.kill("SIGHUP");
    const headers = { authorization: `Bearer ${ADMIN}` };
    const admin = await fetch(`${reloaded.url}/admin/reload`, { method: "POST", headers });
    expect(admin.status).toBe(200);
    isOver = true;
    await Promise.all(load);
    expect(answered).toBeGreaterThan(8);

    const last = asking.completions.create({ model: "", prompt: WORDS });
    await expect
      .poll(async () => ((await (await fetch(`${reloaded.url}/health`)).json()) as { status: string }).status)
      .toBe("ready");
    reloaded.process.kill("SIGTERM");
    expect((await last).choices).toHaveLength(WORDS.length);
    const { exitCode, stdout } = await reloaded.process;
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ command: "serve", result: { drained: true } });
  });
});
