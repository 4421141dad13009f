/**
 * A shard as a task for another machine: one file with its pairs and all other inputs except the teacher's weights. The worker
 * needs neither the data nor a tokenizer.
 */
import { encodeSafetensors, readSafetensors } from "@slm/checkpoints";
import { SlmError, type StageContext } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import { pairsOf } from "@slm/training";
import { z } from "zod";
import type { Teacher } from "../models/teacher.js";
import { keyAt, type CachePlan } from "./cache-plan.js";
import { KEY_BYTES, keyOf } from "./pair-key.js";
import type { CacheBuild } from "./teacher-cache.js";
import { MAX_SHARD_BITS, MAX_VOCABULARY } from "./shard-file.js";
import { makeShard } from "./write-shard.js";

const count = z.int().nonnegative();

const taskSchema = z.strictObject({
  shard: count,
  shardBits: count.max(MAX_SHARD_BITS),
  k: z.int().positive(),
  identity: z.string(),
  vocabularySize: z.int().positive().max(MAX_VOCABULARY),
  buckets: z
    .array(z.strictObject({ source: z.int().positive(), target: z.int().positive() }))
    .min(1)
    .max(256),
});

/** Tensors of the file: concatenated token ids of all pairs, and the lengths and bucket of each pair. */
type TensorName = "sources" | "targets" | "sourceLengths" | "targetLengths" | "bucketOf";

/** Converts a key to text. */
export const keyText = (key: Buffer): string => key.toString("hex");

/** Keys of a shard's pairs as text, in order. */
export function keysOfShard({ keys, starts }: CachePlan, shard: number): readonly string[] {
  const found: string[] = [];
  for (let at = starts[shard]!; at < starts[shard + 1]!; at++) found.push(keyText(keyAt(keys, at)));
  return found;
}

/** Writes the task of a shard to a file. @param isIn selects pairs: all, or some, to find the ones that cannot be scored */
export async function encodeShardTask(
  { pairs, teacher, identity }: Pick<CacheBuild, "pairs" | "teacher" | "identity">,
  plan: CachePlan,
  { shard, k }: { readonly shard: number; readonly k: number },
  isIn: (key: string) => boolean = () => true,
): Promise<Buffer> {
  const members: number[] = [];
  for (let at = plan.starts[shard]!; at < plan.starts[shard + 1]!; at++)
    if (isIn(keyText(keyAt(plan.keys, at)))) members.push(at);
  const { sources, targets } = await pairs.read(members.map((at) => plan.order[at]!));
  const values: Readonly<Record<TensorName, Int32Array>> = {
    sources: joined(sources),
    targets: joined(targets),
    sourceLengths: Int32Array.from(sources, ({ length }) => length),
    targetLengths: Int32Array.from(targets, ({ length }) => length),
    bucketOf: Int32Array.from(members, (at) => plan.assignment[at]!),
  };
  const tensors = new Map(
    Object.entries(values).map(([name, data]) => [name, createHostTensor("int32", [data.length], data)]),
  );
  const { vocabularySize } = teacher.config;
  const task: z.infer<typeof taskSchema> = {
    shard,
    shardBits: plan.shardBits,
    k,
    identity,
    vocabularySize,
    buckets: [...plan.buckets],
  };
  return Buffer.from(encodeSafetensors(tensors, { task: JSON.stringify(task) }));
}

/** A finished shard. */
export interface MadeShard {
  /** Bytes of the shard's file. */
  readonly file: Buffer;
  /** Target positions that were scored. */
  readonly tokens: number;
}

/**
 * Builds the shard of a task's file. The bytes equal those that {@link buildTeacherCache} would write with this teacher.
 *
 * @throws SlmError DATA_INVALID for a file that is not a task, SHAPE_MISMATCH for a teacher with another vocabulary, INTERRUPTED
 */
export async function makeShardOfTask(
  path: string,
  {
    teacher,
    engine,
    context,
  }: { readonly teacher: Teacher; readonly engine: Engine; readonly context: StageContext },
): Promise<MadeShard> {
  const { tensors, metadata } = await readSafetensors(path);
  const { shard, shardBits, k, identity, vocabularySize, buckets } = parseTask(metadata["task"] ?? "", path);
  if (vocabularySize !== teacher.config.vocabularySize)
    throw new SlmError(
      "SHAPE_MISMATCH",
      `${path}: expects a teacher with ${vocabularySize} tokens, but this teacher has ${teacher.config.vocabularySize}`,
    );
  const read = (name: TensorName): Int32Array => idsOf(tensors, name, path);
  const sources = split(read("sources"), read("sourceLengths"), path);
  const targets = split(read("targets"), read("targetLengths"), path);
  const assignment = Uint8Array.from(read("bucketOf"));
  const fits =
    sources.length === targets.length &&
    sources.length === assignment.length &&
    sources.every((source, row) => {
      const bucket = buckets[assignment[row]!];
      return (
        bucket !== undefined && source.length <= bucket.source && targets[row]!.length + 1 <= bucket.target
      );
    });
  if (!fits) throw invalidTask(path, "its pairs do not fit their buckets");
  const size = sources.length;
  const keys = Buffer.alloc(size * KEY_BYTES);
  sources.forEach((source, row) => keyOf({ source, target: targets[row]! }).copy(keys, row * KEY_BYTES));
  const starts = new Int32Array(2 ** shardBits + 1).fill(size, shard + 1);
  const plan: CachePlan = {
    order: Int32Array.from({ length: size }, (_, row) => row),
    keys,
    shardBits,
    starts,
    tokens: targets.reduce((sum, { length }) => sum + length + 1, 0),
    buckets,
    assignment,
  };
  // This build writes no files, so it has no directory.
  const build: CacheBuild = {
    directory: "",
    teacher,
    identity,
    pairs: pairsOf(sources, targets),
    k,
    engine,
    context,
  };
  const file = await makeShard(build, plan, shard, k, () => undefined);
  return { file, tokens: plan.tokens };
}

function parseTask(text: string, path: string): z.infer<typeof taskSchema> {
  try {
    const task = taskSchema.parse(JSON.parse(text));
    if (task.shard < 2 ** task.shardBits) return task;
  } catch (cause) {
    throw new SlmError("DATA_INVALID", `${path}: not the task of a shard`, { cause });
  }
  throw invalidTask(path, "the shard's number is out of range");
}

const invalidTask = (path: string, reason: string): SlmError =>
  new SlmError("DATA_INVALID", `${path}: not the task of a shard: ${reason}`);

function idsOf(tensors: ReadonlyMap<string, HostTensor>, name: TensorName, path: string): Int32Array {
  const data = tensors.get(name)?.data;
  if (data instanceof Int32Array && data.every((id) => id >= 0)) return data;
  throw invalidTask(path, `${name} are not counts or token ids`);
}

function joined(lists: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all;
}

function split(all: Int32Array, lengths: Int32Array, path: string): readonly Int32Array[] {
  const lists: Int32Array[] = [];
  let at = 0;
  for (const length of lengths) {
    lists.push(all.subarray(at, at + length));
    at += length;
  }
  if (at !== all.length) throw invalidTask(path, `it has ${all.length} tokens, but its pairs have ${at}`);
  return lists;
}
