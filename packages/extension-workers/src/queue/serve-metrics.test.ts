import { request } from "node:http";
import { afterEach, expect, test } from "vitest";
import { serveMetrics } from "./serve-metrics.js";

const worker = {
  id: 'host"1',
  host: "host",
  pid: 1,
  device: "cpu",
  cores: 2,
  threads: 2,
  concurrency: 1,
  startedAt: "2026-11-30T00:00:00Z",
  seenAt: 0,
  state: "ready" as const,
  active: ["job"],
  done: 3,
  failed: 0,
  units: 12.5,
  busySeconds: 2,
};
const sources = {
  queue: { exportPrometheusMetrics: () => Promise.resolve('bullmq_job_count{queue="jobs"} 0') },
  board: { workers: () => Promise.resolve([worker]), runs: () => Promise.resolve([]) },
};

const opened: Awaited<ReturnType<typeof serveMetrics>>[] = [];
afterEach(async () => {
  for (const server of opened.splice(0)) await server?.close();
});

async function start(): Promise<string> {
  const server = await serveMetrics({ host: "127.0.0.1", port: 0 }, sources);
  opened.push(server);
  return server!.url;
}

function statusFor(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .once("error", reject)
      .end();
  });
}

test("serves the queue's metrics and those of workers and runs", async () => {
  const response = await fetch(await start());
  const text = await response.text();
  expect(response.headers.get("content-type")).toContain("version=0.0.4");
  expect(text).toContain('bullmq_job_count{queue="jobs"} 0\n');
  expect(text).toContain("# TYPE slm_worker_units_total counter");
  expect(text).toContain('slm_worker_units_total{worker="host\\"1"} 12.5');
  expect(text).toContain('slm_worker_active_jobs{worker="host\\"1"} 1');
});

test("answers only requests to names of this machine", async () => {
  const url = await start();
  expect(await statusFor(url, "localhost")).toBe(200);
  expect(await statusFor(url, "evil.example")).toBe(403);
});

test("serves nothing without an address", async () => {
  expect(await serveMetrics(undefined, sources)).toBeUndefined();
});
