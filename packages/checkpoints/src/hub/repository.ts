/** The files of a hub repository at a revision. */
import { HubApiError, listFiles, modelInfo } from "@huggingface/hub";
import { guardedFetch, NetworkError, pathProblem, SlmError } from "@slm/core";
import type { HubEnvironment } from "./environment.js";
import type { HubSource } from "./model-source.js";

/** Model repositories have tens of files; a longer listing is rejected. */
const MAX_FILES = 10_000;
/** Most requests per listing: 1,000 files per page, and redirects. */
const MAX_REQUESTS = 40;
/** Largest page. */
const MAX_LISTING_BYTES = 16 * 1024 * 1024;
const SHA1 = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;

export interface RemoteFile {
  readonly path: string;
  readonly bytes: number;
  /** Name of the blob in the cache: the hash of the content. */
  readonly etag: string;
  /** `sha256` of the content, or `git` for the SHA-1 of a git blob. */
  readonly hash: "sha256" | "git";
}

export interface Repository {
  /** The commit of the revision. */
  readonly commit: string;
  readonly files: readonly RemoteFile[];
}

/**
 * Requests the commit and files of a revision from the hub.
 *
 * @throws SlmError INPUT_MISSING if the repository does not exist, access is denied or the hub cannot be reached; DATA_INVALID for an invalid
 * response
 */
export async function openRepository(source: HubSource, environment: HubEnvironment): Promise<Repository> {
  const shared = {
    hubUrl: environment.endpoint,
    // The library passes a URL; a `Request` would be refused.
    fetch: guardedFetch({
      origin: new URL(environment.endpoint).origin,
      maxBytes: MAX_LISTING_BYTES,
      maxRequests: MAX_REQUESTS,
      silenceMs: environment.silenceMs,
    }) as typeof fetch,
    ...(environment.token === undefined ? {} : { accessToken: environment.token }),
  };
  try {
    const { repo, revision } = source;
    const { sha } = await modelInfo({ name: repo, revision, additionalFields: ["sha"], ...shared });
    if (!SHA1.test(sha)) throw nonsense(source, `the commit ${sha}`);
    const files: RemoteFile[] = [];
    let listed = 0;
    for await (const entry of listFiles({
      repo: { type: "model", name: repo },
      revision: sha,
      recursive: true,
      ...shared,
    })) {
      listed += 1;
      if (listed > MAX_FILES) throw nonsense(source, `more than ${MAX_FILES} files`);
      if (entry.type === "file") files.push(remoteFile(source, entry));
    }
    return { commit: sha, files };
  } catch (error) {
    throw hubFailure(error, source, environment);
  }
}

interface Listed {
  readonly path: string;
  readonly size: number;
  readonly oid?: string;
  readonly lfs?: { readonly oid: string; readonly size: number };
}

function remoteFile(source: HubSource, { path, size, oid, lfs }: Listed): RemoteFile {
  const problem = pathProblem(path);
  if (problem !== undefined) throw nonsense(source, `the file '${path}': ${problem}`);
  const file: RemoteFile = {
    path,
    bytes: lfs?.size ?? size,
    etag: lfs?.oid ?? oid ?? "",
    hash: lfs === undefined ? "git" : "sha256",
  };
  const isHash = (file.hash === "git" ? SHA1 : SHA256).test(file.etag);
  if (isHash && Number.isSafeInteger(file.bytes) && file.bytes >= 0) return file;
  throw nonsense(source, `'${path}' of ${String(file.bytes)} bytes with the hash '${file.etag}'`);
}

const nonsense = ({ repo }: HubSource, got: string, cause?: unknown): SlmError =>
  new SlmError("DATA_INVALID", `${repo}: invalid response from the hub: ${got}`, {
    context: { repo },
    cause,
  });

/** Converts any failure of a hub request to an error with advice for the user. */
function hubFailure(error: unknown, source: HubSource, environment: HubEnvironment): unknown {
  if (error instanceof NetworkError) {
    return new SlmError(
      "INPUT_MISSING",
      `${source.repo}: ${environment.endpoint} cannot be reached: ${error.reason}`,
      {
        context: { repo: source.repo, endpoint: environment.endpoint },
        suggestions: [
          "export HF_HUB_OFFLINE=1 (to use the models in the cache)",
          `curl -I ${environment.endpoint}`,
        ],
        cause: error,
      },
    );
  }
  if (error instanceof SlmError) return error;
  if (error instanceof HubApiError) return rejection(error.statusCode, source, environment, error);
  // Invalid JSON, or JSON with another shape than the hub's.
  if (error instanceof SyntaxError || error instanceof TypeError)
    return nonsense(source, error.message, error);
  return error;
}

/** The error for an HTTP status. */
export function rejection(
  status: number,
  source: HubSource,
  { endpoint, token }: HubEnvironment,
  cause?: unknown,
): SlmError {
  const { repo, revision, file } = source;
  const context = { repo, revision, status };
  if (status === 401 || status === 403) {
    const reason =
      token === undefined ? "needs an access token" : "is not accessible with the token in HF_TOKEN";
    return new SlmError("INPUT_MISSING", `${repo} ${reason}, or does not exist (${status})`, {
      context,
      suggestions: ["export HF_TOKEN=hf_...", `accept its terms at ${endpoint}/${source.repo}`],
      cause,
    });
  }
  const what = file === undefined ? repo : `${repo}/${file}`;
  const message =
    status === 404
      ? `${what} has no revision '${revision}', or does not exist (404)`
      : `${what}: the hub responded with status ${status}`;
  return new SlmError("INPUT_MISSING", message, {
    context,
    suggestions: [status === 404 ? `open ${endpoint}/${source.repo}` : "run the same command again later"],
    cause,
  });
}
