/** Downloads one file of rows of a hub data set to the cache that all hub clients share. */
import { join } from "node:path";
import { SILENT, SlmError, withLock } from "@slm/core";
import { RepositoryCache } from "./cache.js";
import { download } from "./download.js";
import { hubEnvironment } from "./environment.js";
import { hubSource, type HubSource } from "./model-source.js";
import { openRepository, type RemoteFile } from "./repository.js";
import type { ResolveOptions } from "./resolve-model.js";

const PREFIX = "hub:";

/** Most files in an error message. */
const SHOWN_FILES = 20;

/** A file of a data set on this machine. */
export interface DatasetFile {
  /** Path in the cache. */
  readonly path: string;
  /** Path in the repository. */
  readonly name: string;
  /** `org/name`. */
  readonly repo: string;
  readonly commit: string;
}

/**
 * Downloads the file of `hub:org/name[@revision]/file`. For `hub:org/name`, downloads the only file of training rows.
 *
 * @param isRows whether a file name has a format of rows
 * @throws SlmError USAGE for an invalid name, or a data set with several files to choose from, which the error lists; errors of the hub as in
 * `resolveModel`
 */
export async function fetchDatasetFile(
  name: string,
  isRows: (path: string) => boolean,
  { progress = SILENT, signal = new AbortController().signal }: ResolveOptions = {},
): Promise<DatasetFile> {
  const parsed = name.startsWith(PREFIX) ? hubSource(name.slice(PREFIX.length)) : undefined;
  if (parsed === undefined)
    throw new SlmError(
      "USAGE",
      `'${name}' is not a data set, expected hub:org/name or hub:org/name/file.csv`,
    );
  const source: HubSource = { ...parsed, type: "dataset" };
  const environment = hubEnvironment();
  if (environment.isOffline) {
    throw new SlmError("INPUT_MISSING", `${name}: HF_HUB_OFFLINE forbids requests to the hub`, {
      suggestions: ["unset HF_HUB_OFFLINE", "--data FILE"],
    });
  }
  const { commit, files } = await openRepository(source, environment);
  const file = chooseFile(name, source, files, isRows);
  const cache = new RepositoryCache(source, environment);
  const blob = cache.blob(file.etag);
  await withLock(join(environment.cacheDirectory, ".locks", "slm", `datasets--${source.repo}`), async () => {
    await download({ source, commit, file, blob, environment, progress, signal });
    await cache.name(commit, file.path, file.etag);
  });
  return { path: join(cache.snapshot(commit), file.path), name: file.path, repo: source.repo, commit };
}

function chooseFile(
  name: string,
  source: HubSource,
  files: readonly RemoteFile[],
  isRows: (path: string) => boolean,
): RemoteFile {
  const rows = files.filter(({ path }) => isRows(path));
  const train = rows.filter(({ path }) => /train/iu.test(path));
  const fitting =
    source.file === undefined
      ? train.length > 0
        ? train
        : rows
      : files.filter(({ path }) => path === source.file);
  const [only, ...others] = fitting;
  if (only !== undefined && others.length === 0) return only;
  const choices = (fitting.length > 0 ? fitting : rows).map(({ path }) => path).slice(0, SHOWN_FILES);
  const problem =
    only === undefined ? "has no such file of rows" : `has ${fitting.length} files to choose from`;
  throw new SlmError("USAGE", `${name}: the data set ${problem}: ${choices.join(", ")}`, {
    context: { repo: source.repo, files: choices },
    suggestions: choices.slice(0, 3).map((path) => `--data ${PREFIX}${source.repo}/${path}`),
  });
}
