/** Downloads one hub file into the cache: resumable, and checked against the hash in the hub's listing. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import {
  movePath,
  guardedFetch,
  knownHash,
  NetworkError,
  throwIfInterrupted,
  writeFailure,
  type Progress,
  SlmError,
} from "@slm/core";
import type { HubEnvironment } from "./environment.js";
import type { HubSource } from "./model-source.js";
import { rejection, type RemoteFile } from "./repository.js";

/** Attempts after broken connections. Received bytes are kept. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 100;

export interface Download {
  readonly source: HubSource;
  readonly commit: string;
  readonly file: RemoteFile;
  /** Path of the content; `<blob>.incomplete` until it is complete and checked. */
  readonly blob: string;
  readonly environment: HubEnvironment;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Downloads the file, unless its blob already exists with the right content.
 *
 * @throws SlmError INPUT_MISSING if the hub rejects the request or the connection keeps breaking; DATA_INVALID if the content does not have the
 * listed size and hash; OUTPUT_FAILED if a write fails; INTERRUPTED
 */
export async function download(request: Download): Promise<void> {
  const { blob, file } = request;
  if ((await sizeOf(blob)) === file.bytes && (await contentHash(blob, file)) === file.etag) return;
  const incomplete = `${blob}.incomplete`;
  try {
    await mkdir(dirname(blob), { recursive: true });
    await fetchAll(request, incomplete);
    await check(request, incomplete);
    await movePath(incomplete, blob);
  } catch (error) {
    throw writeFailure(error, incomplete, "the downloaded part is kept");
  }
}

async function fetchAll(request: Download, incomplete: string): Promise<void> {
  const { source, file } = request;
  if (((await sizeOf(incomplete)) ?? 0) > file.bytes) await rm(incomplete);
  let failure: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const have = (await sizeOf(incomplete)) ?? 0;
    if (have === file.bytes && (have > 0 || attempt > 0)) return;
    throwIfInterrupted(request.signal, "hub");
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (attempt - 1)));
    failure = await fetchRest(request, incomplete, have);
    if (failure === undefined) return;
  }
  throwIfInterrupted(request.signal, "hub");
  const have = (await sizeOf(incomplete)) ?? 0;
  throw new SlmError(
    "INPUT_MISSING",
    `${source.repo}/${file.path}: the connection broke at byte ${have} of ${file.bytes}, after ${ATTEMPTS} attempts; the downloaded part is kept`,
    {
      context: { repo: source.repo, file: file.path, bytes: have, expected: file.bytes },
      suggestions: ["run the same command again to resume the download"],
      cause: failure,
    },
  );
}

/** Requests the missing bytes once. Returns undefined if all of them arrived, otherwise the error that broke the connection. */
async function fetchRest(request: Download, incomplete: string, have: number): Promise<unknown> {
  const { source, commit, file, environment, signal } = request;
  const path = file.path.split("/").map(encodeURIComponent).join("/");
  let response: Response;
  try {
    const send = guardedFetch({
      origin: new URL(environment.endpoint).origin,
      silenceMs: environment.silenceMs,
    });
    response = await send(`${environment.endpoint}/${source.repo}/resolve/${commit}/${path}`, {
      headers: {
        ...(have === 0 ? {} : { Range: `bytes=${have}-` }),
        ...(environment.token === undefined ? {} : { Authorization: `Bearer ${environment.token}` }),
        // No compression, so that lengths and ranges refer to the content itself.
        "Accept-Encoding": "identity",
      },
      signal,
    });
  } catch (error) {
    if (error instanceof NetworkError) return error;
    throw error;
  }
  if (response.status >= 500) return rejection(response.status, source, environment);
  if (!response.ok) throw rejection(response.status, { ...source, file: file.path }, environment);
  const isRest =
    response.status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${have}-`) === true;
  return store(request, response, incomplete, isRest ? have : 0);
}

/** Appends a response's body, from byte `from`. */
async function store(
  { file, source, progress }: Download,
  response: Response,
  incomplete: string,
  from: number,
): Promise<unknown> {
  const handle = await open(incomplete, from === 0 ? "w" : "a");
  let at = from;
  try {
    const body = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
    while (body !== undefined) {
      const next = await body.read().catch((error: unknown) => ({ error }));
      if ("error" in next) {
        if (next.error instanceof NetworkError) return next.error;
        throw next.error;
      }
      if (next.done) break;
      at += next.value.byteLength;
      if (at > file.bytes) {
        await body.cancel();
        throw new SlmError(
          "DATA_INVALID",
          `${source.repo}/${file.path}: the hub sent more than the ${file.bytes} bytes in its listing`,
        );
      }
      await handle.writeFile(next.value);
      progress({ stage: "hub", step: at, total: file.bytes, message: file.path });
    }
    return shortfall(at, file.bytes);
  } finally {
    await handle.close();
  }
}

const shortfall = (at: number, bytes: number): Error | undefined =>
  at === bytes ? undefined : new Error(`the response ended at byte ${at} of ${bytes}`);

/** Compares size and hash. Deletes wrong content, because the next run would resume from it. */
async function check({ source, file }: Download, incomplete: string): Promise<void> {
  const found = await contentHash(incomplete, file);
  if (found === file.etag) return;
  await rm(incomplete);
  const name = file.hash === "git" ? "git blob hash" : "SHA-256";
  throw new SlmError(
    "DATA_INVALID",
    `${source.repo}/${file.path}: the download has ${name} ${found}, but the hub lists ${file.etag}; it was deleted`,
    {
      context: { repo: source.repo, file: file.path, expected: file.etag, got: found },
      suggestions: ["run the same command again"],
    },
  );
}

/** The hash of the content of `path`, of the kind in the name of its blob. */
export async function contentHash(
  path: string,
  { hash, bytes }: Pick<RemoteFile, "hash" | "bytes">,
): Promise<string> {
  if (hash === "sha256") return knownHash(path);
  const digest = createHash("sha1").update(`blob ${bytes}\0`);
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), digest);
  return digest.digest("hex");
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
