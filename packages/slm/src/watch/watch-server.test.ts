import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeArtifact } from "@slm/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startWatchServer, type WatchServer } from "./watch-server.js";

let root = "";
let server: WatchServer | undefined;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-watch-"));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(root, { recursive: true, force: true });
});

const LOG = '{"step":20,"loss":2}\n{"step":20,"dev.exactMatch":0.5}\n';

async function start(...paths: readonly string[]): Promise<WatchServer> {
  return (server = await startWatchServer(paths, 0));
}

async function get(path: string): Promise<{ status: number; text: string; refresh: string | null }> {
  const response = await fetch(new URL(path, server!.url));
  return { status: response.status, text: await response.text(), refresh: response.headers.get("refresh") };
}

async function running(run: string): Promise<string> {
  const directory = join(root, run, "distill.partial");
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "metrics.jsonl"), LOG);
  return directory;
}

async function finished(run: string): Promise<void> {
  const common = { kind: "checkpoint", key: "k", inputs: [], origins: {}, seed: 7, settings: {} } as const;
  await writeArtifact({ ...common, directory: join(root, run, "distill") }, async (work) => {
    await writeFile(join(work, "metrics.jsonl"), LOG);
    return {};
  });
}

describe(startWatchServer, () => {
  test("lists running, stopped and finished runs of a directory, and updates the page", async () => {
    await running("a");
    await finished("b");
    const old = new Date(Date.now() - 600_000);
    await utimes(join(await running("c"), "metrics.jsonl"), old, old);
    await start(root);
    const { status, text, refresh } = await get("/");
    expect([status, refresh]).toEqual([200, "5"]);
    for (const shown of ["running, distill", "finished, distill", "stopped, distill", "exactMatch 50 %"])
      expect(text).toContain(shown);
    expect(text).toContain("3 runs, 1 running");
  });

  test("shows the current report of a run, and updates it while the run continues", async () => {
    const directory = await running("a");
    await start(join(root, "a"));
    const address = /href="(\/run\/[^"]+)"/.exec((await get("/")).text)![1]!;
    expect(await get(address)).toMatchObject({ status: 200, refresh: "5" });
    await writeFile(join(directory, "metrics.jsonl"), `${LOG}{"step":4321,"loss":1}\n`);
    expect((await get(address)).text).toContain("4321 steps");
  });

  test("has a page before the first run begins", async () => {
    await start(root);
    expect((await get("/")).text).toContain("No run has a log yet.");
  });

  test("gives the reason in the row of a run that cannot be read, and shows the others", async () => {
    await start(root);
    await running("a (1)");
    await writeFile(join(await running("b"), "metrics.jsonl"), "nonsense\n");
    const pipe = join(await running("c"), "metrics.jsonl");
    await rm(pipe);
    execFileSync("mkfifo", [pipe]);
    await finished("d");
    await writeFile(join(root, "d", "distill", "manifest.json"), "{");
    const { status, text } = await get("/");
    expect(status).toBe(200);
    for (const shown of ["running, distill", "expected lines of JSON", "it is a pipe", "4 runs"])
      expect(text).toContain(shown);
    expect(text.match(/cannot be read/gu)).toHaveLength(3);
    const addresses = [...text.matchAll(/href="(\/run\/[^"]+)">([^<]*)</gu)];
    const statuses = await Promise.all(addresses.map(async ([, to]) => (await get(to!)).status));
    expect(Object.fromEntries(addresses.map(([, , name], at) => [name, statuses[at]]))).toEqual({
      "a (1)": 200,
      b: 500,
      c: 500,
      d: 500,
    });
  });

  test("answers 400 to an invalid address", async () => {
    await start(root);
    const { hostname, port } = new URL(server!.url);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const given = { hostname, port, path: "http://evil:99999/", headers: { host: `localhost:${port}` } };
      request(given, ({ statusCode }) => {
        resolve(statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(400);
  });

  test.each(["/run/0", "/run/9-a", "/run/0-..%2f..%2fetc", "/../etc/passwd", "/favicon.ico"])(
    "has nothing at %s",
    async (path) => {
      await running("a");
      await start(root);
      expect((await get(path)).status).toBe(404);
    },
  );

  test("listens on loopback and rejects other host names, so that web sites cannot read it", async () => {
    await start(root);
    const { hostname, port } = new URL(server!.url);
    expect(hostname).toBe("127.0.0.1");
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request({ hostname, port, headers: { host: `evil.example:${port}` } }, ({ statusCode }) => {
        resolve(statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(403);
  });

  test("rejects a port that is in use", async () => {
    await start(root);
    const { port } = new URL(server!.url);
    await expect(startWatchServer([root], Number(port))).rejects.toMatchObject({ code: "USAGE" });
  });
});
