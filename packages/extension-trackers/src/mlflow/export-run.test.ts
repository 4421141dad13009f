import { withCode } from "@slm/core/testing";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { parseRunLog, type TrackedRun } from "@slm/report";
import { exportRun } from "./export-run.js";
import { MlflowClient } from "./mlflow-client.js";

/** A tracking server that stores the requests. SLM_TEST_MLFLOW is the URL of a real one, which the last test then uses. */
interface Call {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

let server: Server;
let url = "";
let calls: Call[] = [];
let runs: { readonly id: string; readonly tags: string }[] = [];
/** Replaces the server's answer to every request. */
let instead: { readonly status: number; readonly text: string } | undefined;

const answers: Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => object | undefined>> = {
  "experiments/get-by-name": () => undefined,
  "experiments/create": () => ({ experiment_id: "7" }),
  "runs/search": ({ filter }) => ({
    runs: runs
      .filter(({ tags }) => String(filter).includes(tags))
      .map(({ id }) => ({ info: { run_id: id } })),
  }),
  "runs/create": ({ tags }) => {
    const [tag] = z.array(z.object({ value: z.string() })).parse(tags);
    runs.push({ id: `r${runs.length}`, tags: tag!.value });
    return { run: { info: { run_id: `r${runs.length - 1}` } } };
  },
  "runs/log-batch": () => ({}),
  "runs/update": () => ({}),
};

beforeEach(async () => {
  [calls, runs, instead] = [[], [], undefined];
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (piece: Buffer) => (text += piece.toString()));
    request.on("end", () => {
      const path = /^\/api\/2\.0\/mlflow\/([\w/-]+)/.exec(request.url ?? "")?.[1] ?? "";
      const body = z.record(z.string(), z.unknown()).parse(text === "" ? {} : JSON.parse(text));
      calls.push({ path, authorization: request.headers.authorization, body });
      const answer = answers[path]?.(body);
      const missing = { error_code: "RESOURCE_DOES_NOT_EXIST", message: "no" };
      response.writeHead(instead?.status ?? (answer === undefined ? 404 : 200));
      response.end(instead?.text ?? JSON.stringify(answer ?? missing));
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const log = parseRunLog(
  [
    { step: 20, wallTime: 1000, loss: 2, tokensPerSecond: 10 },
    { step: 20, wallTime: 1001, "dev.exactMatch": 0.5 },
    { step: 40, wallTime: 1002.5, loss: 1 },
  ]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join(""),
);
const run: TrackedRun = {
  name: "a",
  identity: "runs/a",
  log,
  settings: { steps: 40, student: { width: 8 }, note: "" },
  results: { "test.exactMatch": 0.75 },
  endedAt: 1003,
  isFinished: true,
};
const bodiesOf = (path: string): readonly Call["body"][] =>
  calls.filter((call) => call.path === path).map(({ body }) => body);

describe(exportRun, () => {
  test("makes the experiment and the run, with settings, curves in milliseconds, results at the last step, and the end", async () => {
    const exported = await exportRun(new MlflowClient({ url }), "speed", run);
    expect(exported).toEqual({ experimentId: "7", runId: "r0", metrics: 5 });
    expect(bodiesOf("experiments/create")).toEqual([{ name: "speed" }]);
    expect(bodiesOf("runs/create")).toMatchObject([
      { experiment_id: "7", run_name: "a", start_time: 1_000_000 },
    ]);
    const [parameters, metrics] = bodiesOf("runs/log-batch");
    expect(parameters).toEqual({
      run_id: "r0",
      params: [
        { key: "steps", value: "40" },
        { key: "student.width", value: "8" },
      ],
    });
    expect(metrics).toEqual({
      run_id: "r0",
      metrics: [
        { key: "loss", value: 2, step: 20, timestamp: 1_000_000 },
        { key: "tokensPerSecond", value: 10, step: 20, timestamp: 1_000_000 },
        { key: "dev.exactMatch", value: 0.5, step: 20, timestamp: 1_001_000 },
        { key: "loss", value: 1, step: 40, timestamp: 1_002_500 },
        { key: "test.exactMatch", value: 0.75, step: 40, timestamp: 1_003_000 },
      ],
    });
    expect(bodiesOf("runs/update")).toEqual([{ run_id: "r0", status: "FINISHED", end_time: 1_003_000 }]);
  });

  test("adds to the same run of MLflow when it is exported again, and keeps it running while it is not finished", async () => {
    const client = new MlflowClient({ url });
    await exportRun(client, "speed", { ...run, isFinished: false, settings: undefined });
    expect(bodiesOf("runs/update")).toEqual([{ run_id: "r0", status: "RUNNING" }]);
    const again = await exportRun(client, "speed", run);
    const other = await exportRun(client, "speed", { ...run, identity: "runs/b" });
    expect([again.runId, other.runId]).toEqual(["r0", "r1"]);
  });

  test("sends a thousand values a request", async () => {
    const lines = Array.from({ length: 2500 }, (_, step) => `{"step":${step},"loss":1}\n`).join("");
    await exportRun(new MlflowClient({ url }), "e", {
      ...run,
      log: parseRunLog(lines),
      results: {},
      settings: undefined,
    });
    const sizes = bodiesOf("runs/log-batch").map(({ metrics }) => z.array(z.unknown()).parse(metrics).length);
    expect(sizes).toEqual([1000, 1000, 500]);
  });

  test("sends a token, or name and password", async () => {
    await exportRun(new MlflowClient({ url, token: "t" }), "e", run);
    expect(new Set(calls.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer t"]));
    calls = [];
    await exportRun(new MlflowClient({ url, user: { name: "u", password: "p" } }), "e", run);
    expect(calls[0]?.authorization).toBe(`Basic ${Buffer.from("u:p").toString("base64")}`);
  });
});

describe(MlflowClient, () => {
  test.each([
    [
      "a rejection",
      403,
      '{"error_code":"PERMISSION_DENIED","message":"no"}',
      "OUTPUT_FAILED",
      "403 PERMISSION_DENIED no",
    ],
    ["another program's answer", 200, "<html>", "DATA_INVALID", "is not MLflow's"],
    ["an error without a body", 500, "", "OUTPUT_FAILED", "500"],
  ])("names %s", async (_, status, text, code, message) => {
    instead = { status, text };
    const exported = exportRun(new MlflowClient({ url }), "e", run);
    await expect(exported).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });

  test("says how to start a server that does not answer", async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await expect(exportRun(new MlflowClient({ url }), "e", run)).rejects.toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      suggestions: ["mlflow server --host 127.0.0.1 --port 5000"],
    });
  });

  test.each(["", "localhost:5000", "ftp://a", "http://u:p@a"])("rejects the address %j", (address) => {
    expect(() => new MlflowClient({ url: address })).toThrow(withCode("USAGE"));
  });
});

const real = process.env["SLM_TEST_MLFLOW"];

describe.skipIf(real === undefined)("mlflow server", () => {
  test("has the run with its parameters, metrics and status, once, however often it is exported", async () => {
    const client = new MlflowClient({ url: real ?? "" });
    const experiment = `slm-test-${process.pid}`;
    const { runId } = await exportRun(client, experiment, run);
    expect((await exportRun(client, experiment, run)).runId).toBe(runId);
    const stored = await client.get(
      "runs/get",
      { run_id: runId },
      z.object({
        run: z.object({
          info: z.object({ run_name: z.string(), status: z.string() }),
          data: z.object({
            metrics: z.array(z.object({ key: z.string(), value: z.number(), step: z.coerce.number() })),
            params: z.array(z.object({ key: z.string(), value: z.string() })),
          }),
        }),
      }),
    );
    expect(stored?.run.info).toEqual({ run_name: "a", status: "FINISHED" });
    expect(stored?.run.data.params).toContainEqual({ key: "student.width", value: "8" });
    expect(stored?.run.data.metrics).toContainEqual({ key: "test.exactMatch", value: 0.75, step: 40 });
    const history = await client.get(
      "metrics/get-history",
      { run_id: runId, metric_key: "loss" },
      z.object({ metrics: z.array(z.object({ value: z.number(), step: z.coerce.number() })) }),
    );
    expect(history?.metrics).toEqual([
      { value: 2, step: 20 },
      { value: 1, step: 40 },
    ]);
  });
});
