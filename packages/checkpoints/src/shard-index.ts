/** The index of weights in several files, which maps tensors to shards. Source: transformers 4.57, `load_sharded_checkpoint`. */
import { readJsonFile, relativePath, SlmError } from "@slm/core";
import { z } from "zod";

/** Most shards. Models have dozens, so an index with more is corrupt. */
const MAX_SHARDS = 1000;

const indexSchema = z.looseObject({ weight_map: z.record(z.string(), relativePath) });

export interface ShardIndex {
  /** Path of the index, for messages. */
  readonly file: string;
  /** Names of shards in the index's folder, sorted. */
  readonly shards: readonly string[];
  /** The shard of each tensor. */
  readonly places: Readonly<Record<string, string>>;
}

/** @throws SlmError INPUT_MISSING; DATA_INVALID if the file is not an index */
export async function readShardIndex(file: string): Promise<ShardIndex> {
  const { weight_map: places } = await readJsonFile(file, indexSchema, { limitBytes: 1 << 26 });
  const shards = [...new Set(Object.values(places))].sort();
  if (shards.length === 0 || shards.length > MAX_SHARDS) {
    throw new SlmError("DATA_INVALID", `${file}: names ${shards.length} files, expected 1 to ${MAX_SHARDS}`);
  }
  return { file, shards, places };
}

/** @throws SlmError DATA_INVALID if the index expects a tensor of a shard elsewhere */
export function checkShard({ file, places }: ShardIndex, shard: string, names: Iterable<string>): void {
  for (const name of names) {
    if (!Object.hasOwn(places, name) || places[name] !== shard)
      throw disagreement(file, `does not say that '${name}' is in ${shard}`);
  }
}

/** @param found names of the tensors of all shards. @throws SlmError DATA_INVALID for a tensor that is in none of them */
export function checkComplete({ file, places }: ShardIndex, found: Iterable<string>): void {
  const names = new Set(found);
  const lost = Object.keys(places).find((name) => !names.has(name));
  if (lost !== undefined)
    throw disagreement(file, `says that '${lost}' is in ${places[lost] ?? ""}, which does not contain it`);
}

const disagreement = (index: string, message: string): SlmError =>
  new SlmError("DATA_INVALID", `${index}: ${message}`);
