/**
 * The cache that all hub clients share: `models--org--name/{blobs,refs,snapshots}`.
 *
 * `blobs` contains files named by their hashes; `snapshots/<commit>` contains links with the file names; `refs/<revision>` contains the commit
 * of a branch or tag. Source: huggingface_hub, guides/manage-cache.
 */
import { copyFile, mkdir, readdir, readlink, rm, stat, symlink } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import {
  ifThere,
  isFile,
  readJsonFile,
  readTextFile,
  systemCode,
  writeTextAtomic,
  SlmError,
} from "@slm/core";
import { z } from "zod";
import { contentHash } from "./download.js";
import type { HubEnvironment } from "./environment.js";
import { WEIGHTS_FILE, WEIGHTS_INDEX_FILE } from "../file-names.js";
import { CONFIG } from "./model-files.js";
import { DEFAULT_REVISION, type HubSource } from "./model-source.js";

const COMMIT = /^[0-9a-f]{40}$/;
/** Names of blobs, by kind of hash. */
const ETAGS = [
  { pattern: /^[0-9a-f]{64}$/, hash: "sha256" },
  { pattern: /^[0-9a-f]{40}$/, hash: "git" },
] as const;
const shardIndex = z.looseObject({ weight_map: z.record(z.string(), z.string()) });
/** Limit of index files, which list every tensor; those of the largest models have 10 MiB. */
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

  /** The commit of a revision at its last download. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (COMMIT.test(revision)) return revision;
    const ref =
      (await ifThere(readTextFile(join(this.directory, "refs", revision), { limitBytes: 256 }))) ?? "";
    const commit = ref.trim();
    return COMMIT.test(commit) ? commit : undefined;
  }

  async remember(revision: string, commit: string): Promise<void> {
    if (revision !== commit) await writeTextAtomic(join(this.directory, "refs", revision), commit);
  }

  /** Adds a blob to a snapshot: as a link, or as a copy if the system does not support links. */
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

  /**
   * Checks files of a snapshot against the hashes in the names of their blobs.
   *
   * @throws SlmError DATA_INVALID for a file with another hash
   */
  async requireIntact(commit: string, paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const place = join(this.snapshot(commit), path);
      // On systems without links, files are copies, and their names do not contain a hash.
      const etag = basename(await readlink(place).catch(() => ""));
      const hash = ETAGS.find(({ pattern }) => pattern.test(etag))?.hash;
      if (hash === undefined) continue;
      const { size: bytes } = await stat(place);
      if ((await contentHash(place, { hash, bytes })) === etag) continue;
      throw new SlmError("DATA_INVALID", `${place}: is corrupt: its hash is not ${etag}`, {
        context: { path: place, expected: etag },
        suggestions: [`rm ${this.blob(etag)} ${place}   # the next run downloads it again`],
      });
    }
  }

  /** The first file of a source that the snapshot does not contain; undefined if it is complete. */
  async missing({ file }: HubSource, commit: string): Promise<string | undefined> {
    const snapshot = this.snapshot(commit);
    const lacks = async (path: string): Promise<boolean> => !(await isFile(join(snapshot, path)));
    if (file !== undefined) return (await lacks(file)) ? file : undefined;
    if (await lacks(CONFIG)) return CONFIG;
    if (!(await lacks(WEIGHTS_FILE))) return undefined;
    if (await lacks(WEIGHTS_INDEX_FILE)) return WEIGHTS_FILE;
    const { weight_map: shards } = await readJsonFile(join(snapshot, WEIGHTS_INDEX_FILE), shardIndex, {
      limitBytes: INDEX_LIMIT_BYTES,
    });
    const present = new Set(await readdir(snapshot));
    return [...new Set(Object.values(shards))].sort().find((shard) => !present.has(shard));
  }
}

/** The error for a file that is not cached while offline. */
export function notCached(source: HubSource, missing: string): SlmError {
  const { repo, revision, file } = source;
  const at = revision === DEFAULT_REVISION ? "" : `@${revision}`;
  const name = file === undefined ? `${repo}${at}` : `hf:${repo}${at}/${file}`;
  return new SlmError(
    "INPUT_MISSING",
    `${name}: ${missing} is not in the cache, and HF_HUB_OFFLINE forbids downloading it`,
    {
      context: { repo, revision, missing },
      suggestions: [
        `HF_HUB_OFFLINE=0 slm teacher import ${name} -o DIR`,
        `hf download ${repo}${file === undefined ? "" : ` ${file}`} --revision ${revision}`,
      ],
    },
  );
}
