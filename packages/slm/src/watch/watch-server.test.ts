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
  test("lists running, stopped and finished runs of a directory, and renews the page", async () => {
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

  test("shows the report of a run, as it is now, and renews it while the run goes on", async () => {
    const directory = await running("a");
    await start(join(root, "a"));
    const address = /href="(\/run\/[^"]+)"/.exec((await get("/")).text)![1]!;
    expect(await get(address)).toMatchObject({ status: 200, refresh: "5" });
    await writeFile(join(directory, "metrics.jsonl"), `${LOG}{"step":4321,"loss":1}\n`);
    expect((await get(address)).text).toContain("4321 steps logged");
  });

  test("has a page before the first run begins, and one for a log that cannot be read", async () => {
    await start(root);
    expect((await get("/")).text).toContain("There is no run with a log yet.");
    await writeFile(join(await running("a"), "metrics.jsonl"), "nonsense\n");
    expect(await get("/")).toMatchObject({
      status: 500,
      text: expect.stringContaining("expected lines of JSON") as string,
    });
  });

  test.each(["/run/0", "/run/9-a", "/run/0-..%2f..%2fetc", "/../etc/passwd", "/favicon.ico"])(
    "has nothing at %s",
    async (path) => {
      await running("a");
      await start(root);
      expect((await get(path)).status).toBe(404);
    },
  );

  test("listens on loopback and answers no other host name, so that no web site reads it", async () => {
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

  test("rejects a port that is taken", async () => {
    await start(root);
    const { port } = new URL(server!.url);
    await expect(startWatchServer([root], Number(port))).rejects.toMatchObject({ code: "USAGE" });
  });
});
