/** From what a user calls a model to where it lies on this machine. */
import { join } from "node:path";
import { SILENT, withLock, type Progress } from "@slm/artifact";
import { notCached, RepositoryCache } from "./cache.js";
import { download } from "./download.js";
import { hubEnvironment, type HubEnvironment } from "./environment.js";
import { modelFiles } from "./model-files.js";
import { parseModelSource, type HubSource } from "./model-source.js";
import { openRepository } from "./repository.js";

export interface ResolvedModel {
  /** A directory, or the one file that was asked for. */
  readonly path: string;
  /** Where it came from: absent for a local path. */
  readonly hub?: { readonly repo: string; readonly revision: string; readonly commit: string };
}

export interface ResolveOptions {
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/**
 * The local path of a model: itself for a path, the snapshot in the hub's cache for `org/name`, `org/name@revision` and
 * `hf:org/name/file.gguf`. What the cache lacks is fetched, unless HF_HUB_OFFLINE is set.
 *
 * Reads: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE.
 * Writes: the hub's cache; a file has its name there only when it is whole and its hash is the listed one.
 *
 * @throws SlmError INPUT_MISSING for what does not exist, is refused or cannot be reached; DATA_INVALID for content that
 * is not what the hub lists; OUTPUT_FAILED, BUSY or INTERRUPTED
 */
export async function resolveModel(name: string, options: ResolveOptions = {}): Promise<ResolvedModel> {
  const source = await parseModelSource(name);
  if (source.kind === "local") return { path: source.path };
  const environment = hubEnvironment();
  const cache = new RepositoryCache(source, environment);
  const commit =
    (await cachedCommit(source, cache, environment)) ??
    (await fetchModel(source, cache, environment, options));
  const { repo, revision, file } = source;
  const snapshot = cache.snapshot(commit);
  return { path: file === undefined ? snapshot : join(snapshot, file), hub: { repo, revision, commit } };
}

/** The commit to use without asking the hub: offline, or where the revision is a commit whose files are there. */
async function cachedCommit(
  source: HubSource,
  cache: RepositoryCache,
  { isOffline }: HubEnvironment,
): Promise<string | undefined> {
  const commit = await cache.commitOf(source.revision);
  if (!isOffline && commit !== source.revision) return undefined;
  const missing = commit === undefined ? (source.file ?? "config.json") : await cache.missing(source, commit);
  if (missing === undefined) return commit;
  if (isOffline) throw notCached(source, missing);
  return undefined;
}

async function fetchModel(
  source: HubSource,
  cache: RepositoryCache,
  environment: HubEnvironment,
  { progress = SILENT, signal = new AbortController().signal }: ResolveOptions,
): Promise<string> {
  const { commit, files } = await openRepository(source, environment);
  const wanted = new Set(
    modelFiles(
      source,
      files.map(({ path }) => path),
    ),
  );
  await withLock(join(environment.cacheDirectory, ".locks", "slm", source.repo), async () => {
    for (const file of files.filter(({ path }) => wanted.has(path))) {
      const blob = cache.blob(file.etag);
      await download({ source, commit, file, blob, environment, progress, signal });
      await cache.name(commit, file.path, file.etag);
    }
    await cache.remember(source.revision, commit);
  });
  return commit;
}
