/** A fake hub with one repository on the loopback interface, which can fail in the ways that real hubs do. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { startFetchServer } from "@slm/core/testing";
import { onTestFinished, vi } from "vitest";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";
export const REPO = "acme/tiny";
export const TOKEN = "hf_right";

export interface FakeFile {
  readonly content: Buffer;
  /** Stored with its SHA-256 (large files) instead of a git hash. */
  readonly isLarge?: boolean;
  /** Sent instead of the content. */
  readonly sends?: Buffer;
}

export interface FakeHub {
  readonly url: string;
  readonly cache: string;
  /** Received requests: method, path, and the range if there was one. */
  readonly requests: string[];
  files: Record<string, FakeFile>;
  /** Connections to break: number of bytes sent before each break, in order. */
  breaks: number[];
  /** Whether an access token is required. */
  isGated: boolean;
  /** A status for every download, if set. */
  status?: number;
  /** Whether range requests work. */
  honoursRanges: boolean;
  /** Answers a request instead of the hub, and returns whether it did. */
  instead?: (path: string, response: ServerResponse) => boolean;
}

export const gitHash = (content: Buffer): string =>
  createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
export const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

/** Starts a hub, points the environment at it and an empty cache, and stops it when the test ends. */
export async function startFakeHub(files: Record<string, FakeFile>): Promise<FakeHub> {
  const cache = await mkdtemp(join(tmpdir(), "slm-hub-"));
  const server = await startFetchServer();
  server.handle = (request, response) => {
    answer(hub, request, response);
  };
  const url = server.origin;
  const hub: FakeHub = { url, cache, requests: [], files, breaks: [], isGated: false, honoursRanges: true };
  vi.stubEnv("HF_ENDPOINT", `${url}/`);
  vi.stubEnv("HF_HUB_CACHE", cache);
  vi.stubEnv("HF_HUB_OFFLINE", "");
  vi.stubEnv("HF_TOKEN", "");
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await server.close();
    await rm(cache, { recursive: true });
  });
  return hub;
}

function answer(hub: FakeHub, request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? "", hub.url);
  const { range, authorization } = request.headers;
  hub.requests.push([request.method ?? "", pathname, ...(range === undefined ? [] : [range])].join(" "));
  if (hub.isGated && authorization !== `Bearer ${TOKEN}`) {
    json(response, 401, { error: "no" });
    return;
  }
  if (hub.instead?.(pathname, response) === true) return;
  const described = description(hub, pathname);
  if (described !== undefined) {
    json(response, 200, described);
    return;
  }
  const file = hub.files[decodeURIComponent(pathname.replace(`/${REPO}/resolve/${COMMIT}/`, ""))];
  const status = file === undefined ? 404 : hub.status;
  if (file === undefined || status !== undefined) {
    json(response, status ?? 404, { error: "fault" });
    return;
  }
  send(hub, file.sends ?? file.content, range, response);
}

/** The API's description of the repository; undefined for other addresses. */
function description({ files }: FakeHub, pathname: string): object | undefined {
  const api = `/api/models/${REPO}`;
  if (pathname === `${api}/revision/main` || pathname === `${api}/revision/${COMMIT}`)
    return { id: REPO, sha: COMMIT };
  return pathname === `${api}/tree/${COMMIT}` ? listing(files) : undefined;
}

function send(hub: FakeHub, content: Buffer, range: string | undefined, response: ServerResponse): void {
  const start = hub.honoursRanges && range !== undefined ? Number(/^bytes=(\d+)-$/.exec(range)![1]) : 0;
  const rest = content.subarray(start);
  response.writeHead(start > 0 ? 206 : 200, {
    "content-length": rest.length,
    ...(start > 0 ? { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
  });
  const stop = hub.breaks.shift();
  if (stop === undefined) {
    response.end(rest);
    return;
  }
  response.write(rest.subarray(0, stop), () => {
    void stored(hub.cache, start + stop)
      .catch(() => undefined) // The test has ended and removed its cache.
      .then(() => response.destroy());
  });
}

/**
 * Waits until an unfinished download in the cache has `bytes` bytes, because a broken connection loses bytes that have not been
 * read yet.
 */
async function stored(cache: string, bytes: number): Promise<void> {
  for (;;) {
    for (const name of await readdir(cache, { recursive: true }))
      if (name.endsWith(".incomplete") && (await stat(join(cache, name))).size >= bytes) return;
    await setTimeout(5);
  }
}

function listing(files: Record<string, FakeFile>): object[] {
  return Object.entries(files).map(([path, { content, isLarge }]) => ({
    type: "file",
    path,
    size: content.length,
    oid: gitHash(content),
    ...(isLarge === true ? { lfs: { oid: sha256(content), size: content.length, pointerSize: 130 } } : {}),
  }));
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
