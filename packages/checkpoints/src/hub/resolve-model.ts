/** From what a user calls a model to where it lies on this machine. */
import { join } from "node:path";
import { SILENT, withLock, type Progress } from "@slm/core";
import { notCached, RepositoryCache } from "./cache.js";
import { download } from "./download.js";
import { hubEnvironment, type HubEnvironment } from "./environment.js";
import { CONFIG, modelFiles } from "./model-files.js";
import { parseModelSource, type HubSource } from "./model-source.js";
import { openRepository } from "./repository.js";

export interface ResolvedModel {
  /** A directory, or the one file that was asked for. */
  readonly path: string;
  /** Where it came from: absent for a local path. */
  readonly hub?: { readonly repo: string; readonly revision: string; readonly commit: string } | undefined;
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
 * @throws SlmError INPUT_MISSING for what does not exist, is rejected or cannot be reached; DATA_INVALID for content that
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
  return placeOf(source, cache, commit);
}

/**
 * As {@link resolveModel}, from what lies on this machine alone: a branch or tag means what it meant when it was last asked for.
 *
 * @returns undefined for a model that has to be fetched, and may be
 * @throws SlmError INPUT_MISSING where HF_HUB_OFFLINE forbids that, or there is no such path
 */
export async function resolveCached(name: string): Promise<ResolvedModel | undefined> {
  const source = await parseModelSource(name);
  if (source.kind === "local") return { path: source.path };
  const environment = hubEnvironment();
  const cache = new RepositoryCache(source, environment);
  const { commit, missing } = await lookUp(source, cache);
  if (commit !== undefined && missing === undefined) return placeOf(source, cache, commit);
  if (environment.isOffline && missing !== undefined) throw notCached(source, missing);
  return undefined;
}

function placeOf({ repo, revision, file }: HubSource, cache: RepositoryCache, commit: string): ResolvedModel {
  const snapshot = cache.snapshot(commit);
  return { path: file === undefined ? snapshot : join(snapshot, file), hub: { repo, revision, commit } };
}

/** The commit to use without asking the hub: offline, or where the revision is a commit whose files are there. */
async function cachedCommit(
  source: HubSource,
  cache: RepositoryCache,
  { isOffline }: HubEnvironment,
): Promise<string | undefined> {
  const { commit, missing } = await lookUp(source, cache);
  if (!isOffline && commit !== source.revision) return undefined;
  if (missing === undefined) return commit;
  if (isOffline) throw notCached(source, missing);
  return undefined;
}

/** What the cache knows of a source: the commit it stands for, and the first file that is not there. */
async function lookUp(
  source: HubSource,
  cache: RepositoryCache,
): Promise<{ readonly commit: string | undefined; readonly missing: string | undefined }> {
  const commit = await cache.commitOf(source.revision);
  if (commit === undefined) return { commit, missing: source.file ?? CONFIG };
  return { commit, missing: await cache.missing(source, commit) };
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
