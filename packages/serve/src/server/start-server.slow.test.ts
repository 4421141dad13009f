import http from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "@slm/core/testing";
import type { MemoryModel } from "@slm/exported-model/testing";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { createMemoryModel, writeMemoryModel } from "../memory-model.test-support.js";
import { openSocket, received, statusOf } from "../raw-client.test-support.js";
import { serveConfig, type ServeConfig } from "../serve-config.js";
import { startServer, type RunningServer } from "./start-server.js";

const directory = temporaryFolder();
let server: RunningServer;
let runtime: MemoryModel;
let failures: unknown[] = [];
const sockets: Socket[] = [];

beforeAll(() => writeMemoryModel(directory));
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.stop();
});

async function start(config: Partial<ServeConfig> = {}): Promise<void> {
  failures = [];
  runtime = createMemoryModel();
  server = await startServer({
    config: serveConfig.parse({ port: 0, drainSeconds: 5, ...config }),
    bundle: directory,
    openEngine: () => Promise.resolve(runtime),
    onFailure: (error) => failures.push(error),
  });
}

async function open(bytes = ""): Promise<Socket> {
  const socket = await openSocket(server.url, bytes);
  sockets.push(socket);
  return socket;
}

const post = (path: string, body: object): Promise<Response> =>
  fetch(server.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify(body),
  });

const GET_HEALTH = "GET /health HTTP/1.1\r\nHost: localhost\r\n";
const POST_CHUNKED =
  "POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

describe("the names that a request may address", () => {
  test("are those of this machine on a loopback address, so that no web page reaches the server by a name of its own", async () => {
    await start();
    const statusFor = (host: string): Promise<number> =>
      statusOf(server.url, `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    const port = new URL(server.url).port;
    for (const host of [`localhost:${port}`, "LOCALHOST", `127.0.0.1:${port}`, "127.9.8.7", "[::1]:80"])
      expect([host, await statusFor(host)]).toEqual([host, 200]);
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1.evil.example",
      "localhost.",
      "[::2]",
    ])
      expect([host, await statusFor(host)]).toEqual([host, 403]);
    const absolute =
      "GET http://127.0.0.1/health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    expect(await statusOf(server.url, absolute)).toBe(403);
  });

  test("are the allowed ones, if there are any", async () => {
    await start({ allowedHosts: ["slm.example"] });
    const statusFor = (host: string): Promise<number> =>
      statusOf(server.url, `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect([
      await statusFor("slm.example:8000"),
      await statusFor("localhost"),
      await statusFor("evil.example"),
    ]).toEqual([200, 200, 403]);
  });
});

describe("connections", () => {
  test("beyond the largest number close the one that has waited longest, so that health answers among half-open ones", async () => {
    await start({ maxConnections: 20 });
    const halfOpen = await Promise.all(
      Array.from({ length: 60 }, (_, at) => open(at % 2 === 0 ? "" : "GET /health HT")),
    );
    const response = await fetch(`${server.url}/health`, { headers: { connection: "close" } });
    expect(response.status).toBe(200);
    await expect.poll(() => halfOpen.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(40);
    expect((await post("/generate", { source: "abc" })).status).toBe(200);
  });

  test("that wait for their answer stay open, whoever else comes", async () => {
    await start({ maxConnections: 4 });
    runtime.stepMs = 30;
    const answer = post("/generate", { source: "abcdefgh" });
    await sleep(20);
    await Promise.all(Array.from({ length: 12 }, () => open("GET /")));
    expect((await answer).status).toBe(200);
  });

  test("without a whole request are closed after the time for its headers", async () => {
    await start({ headerSeconds: 0.2 });
    const silent = await open();
    const slow = await open(GET_HEALTH);
    const began = performance.now();
    const [, text] = await Promise.all([received(silent), received(slow)]);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(text).toMatch(/^HTTP\/1\.1 408/u);
  });

  test("that a client cuts off in the middle of the body are not failures of the server", async () => {
    await start();
    for (const bytes of [`${POST_CHUNKED}5\r\n{"sou`, POST_CHUNKED, `${POST_CHUNKED}zz\r\n`]) {
      const socket = await open(bytes);
      await sleep(30);
      socket.destroy();
    }
    await sleep(50);
    const metrics = await (await fetch(`${server.url}/metrics`, { headers: { connection: "close" } })).text();
    expect(metrics).not.toContain('status="500"');
    expect(failures).toEqual([]);
  });
});

describe("stopping", () => {
  test("leaves no timer of a rejected stream behind", async () => {
    await start();
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
    const before = timers();
    for (let count = 0; count < 20; count++) {
      const rejected = await post("/v1/completions", { prompt: "xyz", stream: true });
      expect(rejected.status).toBe(400);
      await rejected.text();
    }
    expect(timers()).toBeLessThan(before + 10);
  });

  test("answers keep-alive clients, tells them to close, and resets none", async () => {
    await start();
    const errors: string[] = [];
    const lastHeaders: (string | undefined)[] = [];
    const clients = Array.from({ length: 30 }, async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      for (;;) {
        const outcome = await oneRequest(agent);
        if (typeof outcome === "string") {
          // A new connection is refused once the server has ended; a connection that was open is never cut.
          if (outcome !== "ECONNREFUSED") errors.push(outcome);
          break;
        }
        lastHeaders.push(outcome.connection);
        if (outcome.connection === "close") break;
      }
      agent.destroy();
    });
    await sleep(200);
    const began = performance.now();
    const { drained } = await server.stop();
    await Promise.all(clients);
    expect(errors).toEqual([]);
    expect(lastHeaders.filter((header) => header === "close")).toHaveLength(30);
    expect(drained).toBe(true);
    expect(performance.now() - began).toBeLessThan(4000);
  });

  test("ends within its time among clients that never finish", async () => {
    await start({ drainSeconds: 0.3 });
    runtime.stepMs = 20;
    await open();
    await open(GET_HEALTH);
    await open(`${POST_CHUNKED}5\r\n{"sou`);
    const stream = await open(
      `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 34\r\n\r\n{"prompt":"abcdefgh","stream":true}`,
    );
    stream.pause();
    await sleep(50);
    const began = performance.now();
    await server.stop();
    expect(performance.now() - began).toBeLessThan(1300);
  });

  test("answers connections that were made before it, and requests that came while the process stood still", async () => {
    const standStill = (milliseconds: number): void => {
      const until = performance.now() + milliseconds;
      while (performance.now() < until);
    };
    await start();
    const connecting = Array.from({ length: 12 }, () => open());
    await new Promise((resolve) => {
      process.nextTick(resolve);
    });
    // The system completes the connections; the event loop has had no turn to accept them.
    standStill(100);
    const stopped = server.stop();
    const sockets = await Promise.all(connecting);
    const answers = sockets.map((socket) => received(socket));
    await sleep(100);
    for (const socket of sockets) socket.write(`${GET_HEALTH}\r\n`);
    standStill(1200);
    for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^HTTP\/1\.1 503/u);
    expect(await stopped).toEqual({ drained: true });
  });

  test("takes no new connection, and says so on /health to those that it has, while it waits", async () => {
    await start();
    runtime.stepMs = 100;
    const kept = await open();
    const answer = post("/generate", { source: "abcdefgh" });
    const metrics = async (): Promise<string> =>
      (await fetch(`${server.url}/metrics`, { headers: { connection: "close" } })).text();
    await expect.poll(metrics).toMatch(/^slm_active_rows(?:\{\})? 1$/mu);
    const stopped = server.stop();
    await expect
      .poll(() =>
        open().then(
          () => "taken",
          (error: unknown) => (error as { code?: unknown }).code,
        ),
      )
      .toBe("ECONNREFUSED");
    kept.write(`${GET_HEALTH}\r\n`);
    const health = await received(kept);
    expect(health).toMatch(/^HTTP\/1\.1 503/u);
    expect(health).toMatch(/\r\nconnection: close\r\n/iu);
    expect((await answer).status).toBe(200);
    expect(await stopped).toEqual({ drained: true });
  });
});

function oneRequest(agent: http.Agent): Promise<{ connection: string | undefined } | string> {
  return new Promise((resolve) => {
    const request = http.request(
      `${server.url}/generate`,
      { agent, method: "POST", headers: { "content-type": "application/json" } },
      (response) => {
        response.resume();
        response.on("end", () => {
          resolve({ connection: response.headers.connection });
        });
        response.on("error", (error) => {
          resolve(error.message);
        });
      },
    );
    request.on("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    request.end('{"source":"abc"}');
  });
}
