/** Checkpoints: config.json and model.safetensors, or its shards, in one directory. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requireIntact, SlmError } from "@slm/core";
import { createHostTensor, type HostTensor, toBfloat16, toHalf } from "@slm/runtime";
import { parseModelConfig, type ModelConfig, matchWeights, type Weights } from "@slm/model";
import type { DeferredTensor } from "./safetensors.js";
import { CONFIG_FILE } from "./file-names.js";
import { openWeights, writeWeights, type WriteWeightsOptions } from "./weight-files.js";

export interface Checkpoint {
  readonly config: ModelConfig;
  /** float32, in the order of `parameterSpecs`. */
  readonly weights: Weights;
}

/**
 * Reads a checkpoint directory. Checks every weight against the configuration, and every file against the manifest of its artifact, if there is
 * one.
 *
 * @throws SlmError INPUT_MISSING, CONFIG_INVALID, DATA_INVALID or SHAPE_MISMATCH, naming the file.
 */
export async function readCheckpoint(directory: string): Promise<Checkpoint> {
  await requireIntact(directory);
  const config = await readModelConfig(directory);
  const { entries, read, where, close } = await openWeights(directory);
  try {
    const tensors = new Map<string, HostTensor>();
    for (const name of entries.keys()) tensors.set(name, await read(name));
    return { config, weights: matchWeights(config, tensors, where) };
  } finally {
    await close();
  }
}

/** Reads only config.json. */
export async function readModelConfig(directory: string): Promise<ModelConfig> {
  const file = join(directory, CONFIG_FILE);
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new SlmError("INPUT_MISSING", `${file}: no such checkpoint`, { context: { file }, cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SlmError("CONFIG_INVALID", `${file}: not JSON`, { cause });
  }
  return parseModelConfig(value, file);
}

/** Element types that a checkpoint's weights can be stored in. */
export const CHECKPOINT_DTYPES = ["float32", "float16", "bfloat16"] as const;
export type CheckpointDType = (typeof CHECKPOINT_DTYPES)[number];

/** float32 weights rounded to a stored type. */
const ROUNDED: Readonly<Record<CheckpointDType, (values: Float32Array) => HostTensor["data"]>> = {
  float32: (values) => values,
  float16: (values) => Uint16Array.from(values, toHalf),
  bfloat16: toBfloat16,
};

/** Values of a weight in their stored type. */
export const storedValues = (values: Float32Array, dtype: CheckpointDType): HostTensor["data"] =>
  ROUNDED[dtype](values);

/** A float32 weight in its stored type. */
const storedWeight = ({ shape, data }: HostTensor, dtype: CheckpointDType): HostTensor =>
  createHostTensor(dtype, shape, storedValues(data as Float32Array, dtype));

/** Writes a checkpoint's files into a directory that the caller publishes atomically. 16-bit types halve the size. */
export async function writeCheckpoint(
  directory: string,
  { config, weights }: Checkpoint,
  dtype: CheckpointDType = "float32",
  options: WriteWeightsOptions = {},
): Promise<void> {
  const stored = new Map(
    [...weights].map(([name, tensor]): [string, DeferredTensor] => [
      name,
      { dtype, shape: tensor.shape, read: () => Promise.resolve(storedWeight(tensor, dtype)) },
    ]),
  );
  await writeWeights(directory, stored, options);
  await writeModelConfig(directory, config);
}

/** Writes only config.json. */
export async function writeModelConfig(directory: string, config: ModelConfig): Promise<void> {
  await writeFile(join(directory, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
}
