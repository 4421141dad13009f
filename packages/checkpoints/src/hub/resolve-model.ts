/** Resolves the name of a model to its path on this machine. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SILENT, withLock, type Progress } from "@slm/core";
import { notCached, RepositoryCache } from "./cache.js";
import { download } from "./download.js";
import { hubEnvironment, type HubEnvironment } from "./environment.js";
import { CONFIG, modelFiles } from "./model-files.js";
import { parseModelSource, type HubSource } from "./model-source.js";
import { openRepository } from "./repository.js";

export interface ResolvedModel {
  /** A directory, or the one requested file. */
  readonly path: string;
  /** Origin on the hub; absent for a local path. */
  readonly hub?: { readonly repo: string; readonly revision: string; readonly commit: string } | undefined;
}

export interface ResolveOptions {
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/**
 * Returns the local path of a model: a path itself, or the snapshot in the hub's cache for `org/name`, `org/name@revision` and
 * `hf:org/name/file.gguf`. Downloads files that the cache lacks, unless HF_HUB_OFFLINE is set.
 *
 * Reads: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE.
 * Writes: the hub's cache. A file gets its final name only when it is complete and has the listed hash.
 *
 * @throws SlmError INPUT_MISSING if the model does not exist, access is denied or the hub cannot be reached; DATA_INVALID for content that does
 * not have the listed hash; OUTPUT_FAILED, BUSY or INTERRUPTED
 */
export async function resolveModel(name: string, options: ResolveOptions = {}): Promise<ResolvedModel> {
  const source = await parseModelSource(name);
  if (source.kind === "local") return { path: source.path };
  const environment = hubEnvironment();
  const cache = new RepositoryCache(source, environment);
  const cached = await cachedCommit(source, cache, environment);
  if (cached !== undefined) await cache.requireIntact(cached, await filesIn(source, cache.snapshot(cached)));
  const commit = cached ?? (await fetchModel(source, cache, environment, options));
  return placeOf(source, cache, commit);
}

/**
 * Like {@link resolveModel}, without the network: a branch or tag refers to the commit of the last download.
 *
 * @returns undefined for a model that must be downloaded
 * @throws SlmError INPUT_MISSING if HF_HUB_OFFLINE forbids the download, or the path does not exist
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

/** The files of a source in its snapshot. */
async function filesIn(source: HubSource, snapshot: string): Promise<readonly string[]> {
  const names = await readdir(snapshot, { recursive: true });
  return modelFiles(
    source,
    names.map((name) => name.replaceAll("\\", "/")),
  );
}

function placeOf({ repo, revision, file }: HubSource, cache: RepositoryCache, commit: string): ResolvedModel {
  const snapshot = cache.snapshot(commit);
  return { path: file === undefined ? snapshot : join(snapshot, file), hub: { repo, revision, commit } };
}

/** The commit to use without a request to the hub: when offline, or if the revision is a cached commit. */
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

/** A source in the cache: its commit, and the first missing file. */
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
