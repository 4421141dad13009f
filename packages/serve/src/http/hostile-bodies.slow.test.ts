/** Bodies that take long to read are rejected and do not delay other requests. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { temporaryFolder } from "@slm/core/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMemoryModel, writeMemoryModel } from "../memory-model.test-support.js";
import { ServerMetrics } from "../metrics.js";
import { ModelHost } from "../model/model-host.js";
import { serveConfig } from "../serve-config.js";
import { openBatchedModel } from "../model/open-batched-model.js";
import { ApiKeys } from "./api-keys.js";
import { createApp } from "./app.js";

const config = serveConfig.parse({ maxBodyBytes: 2 ** 22 });
const directory = temporaryFolder();
let host: ModelHost;
const failures: unknown[] = [];

beforeAll(async () => {
  await writeMemoryModel(directory);
  host = await ModelHost.open(() =>
    openBatchedModel(directory, createMemoryModel(), { maxRows: 4, maxWaiting: 8, limits: config }),
  );
});
afterAll(() => host.close());

async function post(body: string): Promise<{ status: number; text: string }> {
  const app = createApp({
    host,
    config,
    metrics: new ServerMetrics(),
    keys: new ApiKeys([]),
    adminKeys: new ApiKeys([]),
    isAllowedHost: () => true,
    onFailure: (error) => failures.push(error),
  });
  const headers = { "content-type": "application/json" };
  const response = await app.request("/v1/completions", { method: "POST", headers, body });
  return { status: response.status, text: await response.text() };
}

const asking = (schema: object): object => ({
  prompt: "abc",
  response_format: { type: "json_schema", json_schema: { name: "hostile", schema } },
});

function chainOfReferences(links: number): object {
  const link = (at: number): [string, object] => [`d${at}`, { $ref: `#/$defs/d${at + 1}` }];
  const $defs = Object.fromEntries(Array.from({ length: links }, (_, at) => link(at)));
  return { $ref: "#/$defs/d0", $defs: { ...$defs, [`d${links}`]: { type: "null" } } };
}

const deepEnum = (depth: number): string =>
  `{"type":"json_schema","json_schema":{"schema":{"enum":[${"[".repeat(depth)}${"]".repeat(depth)}]}}}`;

describe("bodies that take long to read", () => {
  test.each<readonly [string, () => object | string, RegExp]>([
    [
      "a prompt of a megabyte",
      () => ({ prompt: " ".repeat(1_000_000) }),
      /characters; the model reads at most 20/,
    ],
    ["a schema that is a chain of 8,000 references", () => asking(chainOfReferences(8000)), /./],
    [
      "an enum nested 100,000 levels deep",
      () => `{"prompt":"abc","response_format":${deepEnum(100_000)}}`,
      /256 levels deep/,
    ],
    [
      "half a million prompts that are none",
      () => ({ prompt: Array<number>(500_000).fill(1) }),
      /200000 values/,
    ],
    [
      "a hundred thousand prompts that are none",
      () => ({ prompt: Array<number>(100_000).fill(1) }),
      /prompt/,
    ],
  ])("rejects %s with 400, and answers others meanwhile", async (_name, body, message) => {
    const made = body();
    const text = typeof made === "string" ? made : JSON.stringify(made);
    const delays = monitorEventLoopDelay({ resolution: 1 });
    delays.enable();
    const answers = await Promise.all(Array.from({ length: 4 }, () => post(text)));
    delays.disable();
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect(answers[0]!.text).toMatch(message);
    expect(failures).toEqual([]);
    // Other programs can delay the loop too. Before the limit, the megabyte alone took 5 s.
    expect(delays.max / 1e6).toBeLessThan(500);
  });
});
