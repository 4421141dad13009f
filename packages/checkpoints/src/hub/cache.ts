/**
 * The cache that all clients of the hub share: `models--org--name/{blobs,refs,snapshots}`.
 *
 * Content lies in `blobs` under its hash; `snapshots/<commit>` has the files' names, as links; `refs/<revision>` holds the
 * commit that a branch or tag stood for. Source: huggingface_hub, guides/manage-cache.
 */
import { copyFile, mkdir, readdir, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { readJsonFile, readTextFile, systemCode, writeTextAtomic } from "@slm/core";
import { SlmError } from "@slm/core";
import { z } from "zod";
import type { HubEnvironment } from "./environment.js";
import { CONFIG, WEIGHTS, WEIGHTS_INDEX } from "./model-files.js";
import { DEFAULT_REVISION, type HubSource } from "./model-source.js";

const COMMIT = /^[0-9a-f]{40}$/;
const shardIndex = z.looseObject({ weight_map: z.record(z.string(), z.string()) });
/** Indices name every tensor; those of the largest models take 10 MiB. */
const INDEX_LIMIT_BYTES = 64 * 1024 * 1024;

export class RepositoryCache {
  readonly directory: string;

  constructor(source: HubSource, environment: HubEnvironment) {
    this.directory = join(environment.cacheDirectory, `models--${source.repo.replace("/", "--")}`);
  }

  blob(etag: string): string {
    return join(this.directory, "blobs", etag);
  }

  snapshot(commit: string): string {
    return join(this.directory, "snapshots", commit);
  }

  /** The commit that a revision stood for when it was last asked for. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (COMMIT.test(revision)) return revision;
    const ref = await readTextFile(join(this.directory, "refs", revision), { limitBytes: 256 }).catch(
      (error: unknown) => {
        if (error instanceof SlmError && error.code === "INPUT_MISSING") return "";
        throw error;
      },
    );
    const commit = ref.trim();
    return COMMIT.test(commit) ? commit : undefined;
  }

  async remember(revision: string, commit: string): Promise<void> {
    if (revision !== commit) await writeTextAtomic(join(this.directory, "refs", revision), commit);
  }

  /** Gives a blob its name in a snapshot: a link, or a copy where the system has no links. */
  async name(commit: string, path: string, etag: string): Promise<void> {
    const place = join(this.snapshot(commit), path);
    await mkdir(dirname(place), { recursive: true });
    await rm(place, { force: true });
    const blob = this.blob(etag);
    try {
      await symlink(relative(dirname(place), blob), place);
    } catch (error) {
      if (systemCode(error) !== "EPERM") throw error;
      await copyFile(blob, place);
    }
  }

  /** What a source needs and the snapshot lacks; undefined if nothing. */
  async missing({ file }: HubSource, commit: string): Promise<string | undefined> {
    const snapshot = this.snapshot(commit);
    const lacks = async (path: string): Promise<boolean> => !(await isFile(join(snapshot, path)));
    if (file !== undefined) return (await lacks(file)) ? file : undefined;
    if (await lacks(CONFIG)) return CONFIG;
    if (!(await lacks(WEIGHTS))) return undefined;
    if (await lacks(WEIGHTS_INDEX)) return WEIGHTS;
    const { weight_map: shards } = await readJsonFile(join(snapshot, WEIGHTS_INDEX), shardIndex, {
      limitBytes: INDEX_LIMIT_BYTES,
    });
    const present = new Set(await readdir(snapshot));
    return [...new Set(Object.values(shards))].sort().find((shard) => !present.has(shard));
  }
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (status) => status.isFile(),
    () => false,
  );

/** The error for what is neither in the cache nor to be fetched. */
export function notCached(source: HubSource, missing: string): SlmError {
  const { repo, revision, file } = source;
  const at = revision === DEFAULT_REVISION ? "" : `@${revision}`;
  const name = file === undefined ? `${repo}${at}` : `hf:${repo}${at}/${file}`;
  return new SlmError(
    "INPUT_MISSING",
    `${name}: ${missing} is not in the cache, and HF_HUB_OFFLINE forbids to fetch it`,
    {
      context: { repo, revision, missing },
      suggestions: [
        `HF_HUB_OFFLINE=0 slm teacher import ${name} -o DIR`,
        `hf download ${repo}${file === undefined ? "" : ` ${file}`} --revision ${revision}`,
      ],
    },
  );
}
