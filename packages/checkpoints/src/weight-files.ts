/** The weights of a checkpoint: one file, or shards with an index if they are large. */
import { existsSync, readdirSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { elementCount } from "@slm/runtime";
import { WEIGHTS_FILE, WEIGHTS_INDEX_FILE } from "./file-names.js";
import {
  openSafetensors,
  writeDeferredSafetensors,
  type DeferredTensor,
  type OpenSafetensors,
} from "./safetensors.js";
import { STORED_AS, storedBytes } from "./safetensors-dtypes.js";
import { checkComplete, checkShard, readShardIndex, type ShardIndex } from "./shard-index.js";

/** Names of shards, as in transformers. */
const SHARD = /^model-\d{5}-of-\d{5}\.safetensors$/;
const shardName = (at: number, count: number): string =>
  `model-${String(at + 1).padStart(5, "0")}-of-${String(count).padStart(5, "0")}.safetensors`;

/** Largest weight file, unless one tensor is larger [bytes]. Source: transformers 4.57.1, `save_pretrained(max_shard_size="5GB")`. */
export const SHARD_BYTES = 5e9;

export interface WriteWeightsOptions {
  /** Written to every file. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Default: {@link SHARD_BYTES}. */
  readonly shardBytes?: number | undefined;
}

/**
 * Writes weights into a directory that the caller publishes atomically, one tensor in memory at a time. Writes one file or, if that would be
 * larger than `shardBytes`, shards in the order of the tensors and an index. Then removes other weights from the directory.
 *
 * @throws SlmError as `writeDeferredSafetensors`
 */
export async function writeWeights(
  directory: string,
  tensors: ReadonlyMap<string, DeferredTensor>,
  { metadata = {}, shardBytes = SHARD_BYTES }: WriteWeightsOptions = {},
): Promise<void> {
  const shards = divided(tensors, shardBytes);
  const names = shards.length === 1 ? [WEIGHTS_FILE] : shards.map((_, at) => shardName(at, shards.length));
  for (const [at, shard] of shards.entries())
    await writeDeferredSafetensors(join(directory, names[at]!), shard, metadata);
  if (shards.length > 1) {
    await writeFile(join(directory, WEIGHTS_INDEX_FILE), indexText(shards, names));
    names.push(WEIGHTS_INDEX_FILE);
  }
  const earlier = weightFiles(directory).filter((file) => !names.includes(file));
  for (const file of earlier) await rm(join(directory, file));
}

/** The index of shards with these names. */
function indexText(shards: readonly ReadonlyMap<string, DeferredTensor>[], names: readonly string[]): string {
  const places = shards.flatMap((shard, at) => [...shard.keys()].map((name) => [name, names[at]!] as const));
  const all = shards.flatMap((shard) => [...shard.values()]);
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  const totals = {
    total_parameters: sum(all.map(({ shape }) => elementCount(shape))),
    total_size: sum(all.map(sizeOf)),
  };
  const sorted = [...places].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ metadata: totals, weight_map: Object.fromEntries(sorted) }, null, 2)}\n`;
}

const sizeOf = ({ dtype, shape }: DeferredTensor): number => storedBytes(STORED_AS[dtype], shape);

/** Groups tensors in order. Starts a new shard before a tensor that would make the last one too large. Returns at least one shard. */
function divided(
  tensors: ReadonlyMap<string, DeferredTensor>,
  shardBytes: number,
): readonly ReadonlyMap<string, DeferredTensor>[] {
  const shards = [new Map<string, DeferredTensor>()];
  let bytes = 0;
  for (const [name, tensor] of tensors) {
    const size = sizeOf(tensor);
    if (bytes > 0 && bytes + size > shardBytes) {
      shards.push(new Map());
      bytes = 0;
    }
    shards.at(-1)!.set(name, tensor);
    bytes += size;
  }
  return shards;
}

/** Names of a directory's weight files, including index and shards. If there are none, the name of the missing file, for an error. */
export function weightFiles(directory: string): readonly string[] {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  const found = names.filter(
    (name) => name === WEIGHTS_FILE || name === WEIGHTS_INDEX_FILE || SHARD.test(name),
  );
  return found.length === 0 ? [WEIGHTS_FILE] : found.sort();
}

/** Where a checkpoint's weights are. */
interface LocatedWeights {
  /** Path for messages about all of them. */
  readonly where: string;
  /** Paths of safetensors files. */
  readonly files: readonly string[];
  /** @throws SlmError DATA_INVALID if tensors are not in the files that the index lists. @param tensors names of the tensors of each file */
  readonly check: (tensors: readonly ReadonlyMap<string, unknown>[]) => void;
}

/** @throws SlmError DATA_INVALID if the index is invalid, names files outside the folder, or is next to whole weights */
export async function locateWeights(directory: string): Promise<LocatedWeights> {
  const [single, indexFile] = [join(directory, WEIGHTS_FILE), join(directory, WEIGHTS_INDEX_FILE)];
  if (!existsSync(indexFile)) return { where: single, files: [single], check: () => undefined };
  if (existsSync(single)) throw bothError(directory, WEIGHTS_FILE, WEIGHTS_INDEX_FILE);
  const index = await readShardIndex(indexFile);
  const external = index.shards.find((shard) => !SHARD.test(shard));
  if (external !== undefined)
    throw new SlmError(
      "DATA_INVALID",
      `${indexFile}: contains the name '${external}', expected ${shardName(0, 2)} and so on`,
    );
  return {
    where: indexFile,
    files: index.shards.map((shard) => join(directory, shard)),
    check: (tensors) => {
      checkShards(index, tensors);
    },
  };
}

function checkShards(index: ShardIndex, tensors: readonly ReadonlyMap<string, unknown>[]): void {
  index.shards.forEach((shard, at) => {
    checkShard(index, shard, tensors[at]!.keys());
  });
  checkComplete(
    index,
    tensors.flatMap((some) => [...some.keys()]),
  );
}

/** The error for weights in one file and in shards, because it is unclear which to read. */
export const bothError = (directory: string, single: string, index: string): SlmError =>
  new SlmError("DATA_INVALID", `${directory}: has both ${single} and ${index}, expected one of them`);

/** A checkpoint's weights, which are read one by one. */
export interface OpenWeights extends Pick<OpenSafetensors, "entries" | "read" | "close"> {
  /** Path for messages about all of them. */
  readonly where: string;
}

/**
 * Opens the weights of a directory: reads and checks headers and index, does not read tensors. The caller closes them.
 *
 * @throws SlmError INPUT_MISSING if a file is missing, DATA_INVALID if one is corrupt or the index disagrees with the shards.
 */
export async function openWeights(directory: string): Promise<OpenWeights> {
  const { where, files, check } = await locateWeights(directory);
  const opened: OpenSafetensors[] = [];
  const close = async (): Promise<void> => {
    for (const file of opened) await file.close();
  };
  try {
    for (const file of files) opened.push(await openSafetensors(file));
    check(opened.map(({ entries }) => entries));
  } catch (error) {
    await close();
    throw error;
  }
  const owner = new Map(
    opened.flatMap((file) => [...file.entries.keys()].map((name) => [name, file] as const)),
  );
  return {
    where,
    entries: new Map(opened.flatMap(({ entries }) => [...entries])),
    // The first file's error names a tensor that is in none of the files.
    read: (name) => (owner.get(name) ?? opened[0]!).read(name),
    close,
  };
}
