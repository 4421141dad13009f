/** A worker rejects unsigned and unknown jobs before it reads their files. */
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeEach, expect, test, vi } from "vitest";
import { JOB_PROCESS_VARIABLE, serveJobs, type JobBody, type JobServer } from "./job-body.js";
import { outcomeOf } from "./job-outcome.js";
import { signatureOf } from "./job-signature.js";
import { jobResult } from "./messages.js";

const KEY = "a key of the tests, of more than 32 characters";
const OTHER_KEY = "another key of the tests, of more than 32 characters";
const RUN = "label-0123456789abcdef";
const OTHER_RUN = "label-fedcba9876543210";
const KIND = "label-block";
const ID = `${RUN}-block-0`;
const body = {
  run: RUN,
  inputs: { teacher: { bytes: 3, sha256: "0".repeat(64) } },
  settings: { budget: "b" },
};

const root = temporaryFolder();
const ran = vi.fn<JobBody>(() => Promise.resolve({ outputs: {}, facts: { name: "block" }, units: 1 }));
beforeEach(() => {
  ran.mockClear();
});

function server(key: string): JobServer {
  const allowed = { commands: false, apiKeys: [] };
  const given = { storage: root, scratch: join(root, "scratch"), threads: 1, redis: "redis://127.0.0.1" };
  vi.stubEnv(JOB_PROCESS_VARIABLE, JSON.stringify({ ...given, allowed }));
  vi.stubEnv("SLM_WORKER_KEY", key);
  vi.stubEnv("SLM_REDIS_PASSWORD", "secret");
  return serveJobs({ [KIND]: ran, other: ran });
}

const signed = (key: string): string | undefined =>
  signatureOf(key, { part: "job", kind: KIND, id: ID, body });

test("a signed job is done, and its result is signed", async () => {
  const job = { id: ID, name: KIND, data: { ...body, signature: signed(KEY) } };
  const result = jobResult.parse(await server(KEY)(job, undefined, undefined));
  const ended = (id: string, returnvalue: unknown): Parameters<typeof outcomeOf>[1] =>
    ({ id, name: KIND, returnvalue }) as unknown as Parameters<typeof outcomeOf>[1];
  expect(outcomeOf(KEY, ended(ID, result))).toEqual({ result });
  for (const [key, id, value] of [
    [OTHER_KEY, ID, result],
    [KEY, `${RUN}-block-1`, result],
    [KEY, ID, { ...result, facts: { name: "forged" } }],
    [KEY, ID, { ...result, signature: undefined }],
    [undefined, ID, result],
  ] as const)
    expect(outcomeOf(key, ended(id, value)).failure).toMatchObject({ code: "CONFIG_INVALID" });
});

test.each([
  ["without a signature", {}],
  ["signed with another key", { data: { ...body, signature: signed(OTHER_KEY) } }],
  [
    "replayed in another run",
    { id: `${OTHER_RUN}-block-0`, data: { ...body, run: OTHER_RUN, signature: signed(KEY) } },
  ],
  ["replayed under another name", { id: `${RUN}-block-1`, data: { ...body, signature: signed(KEY) } }],
  ["of another kind", { name: "other", data: { ...body, signature: signed(KEY) } }],
  ["with another file", { data: { ...body, inputs: {}, signature: signed(KEY) } }],
  [
    "with a result's signature",
    { data: { ...body, signature: signatureOf(KEY, { part: "result", kind: KIND, id: ID, body }) } },
  ],
])("a job %s is refused before it runs", async (_, changes) => {
  const job = { id: ID, name: KIND, data: body, ...changes };
  await expect(server(KEY)(job, undefined, undefined)).rejects.toMatchObject({
    name: "UnrecoverableError",
    message: expect.stringMatching(/^\[CONFIG_INVALID\] job .* was rejected/u) as string,
  });
  expect(ran).not.toHaveBeenCalled();
});

test("a signed job is refused by a worker without a key, which does unsigned ones", async () => {
  const serve = server("");
  const job = { id: ID, name: KIND, data: { ...body, signature: signed(KEY) } };
  await expect(serve(job, undefined, undefined)).rejects.toThrow("SLM_WORKER_KEY is not set here");
  expect(await serve({ id: ID, name: KIND, data: body }, undefined, undefined)).toMatchObject({ units: 1 });
});

test("programs that a job runs inherit neither the key nor the password of Redis", () => {
  server(KEY);
  for (const name of [JOB_PROCESS_VARIABLE, "SLM_WORKER_KEY", "SLM_REDIS_PASSWORD"])
    expect(process.env).not.toHaveProperty(name);
});
