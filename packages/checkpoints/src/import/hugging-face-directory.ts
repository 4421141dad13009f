/** Reads a Hugging Face model directory: config.json and safetensors, in one file or in shards with an index. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readJsonFile, relativePath, SlmError } from "@slm/core";
import { CONFIG_FILE, WEIGHTS_FILE } from "../checkpoint.js";
import { GENERATION_FILE } from "@slm/decoding";
import { openSafetensors } from "../safetensors.js";
import { toFloat32 } from "@slm/model";
import { type ExternalCheckpoint, type ExternalTensor } from "../external-checkpoint.js";
import { z } from "zod";

export const INDEX_FILE = "model.safetensors.index.json";

/** Most shards: models have dozens, so an index that names more is corrupt. */
const MAX_SHARDS = 1000;

const configSchema = z.record(z.string(), z.unknown());
const indexSchema = z.looseObject({ weight_map: z.record(z.string(), relativePath) });

/** dtypes that weights are read from. */
const FLOATS: readonly string[] = ["F32", "F16", "BF16", "F64"];

/** Position ids, which old checkpoints store as integers; they are ignored. */
const COUNTED = /\.position_ids$/;

/**
 * Opens a directory: headers are read and checked, tensor data is not read.
 *
 * @throws SlmError INPUT_MISSING if a file is missing; DATA_INVALID if one is corrupt, if the index and the shards
 * disagree, or if a tensor is not of a floating-point type.
 */
export async function readHuggingFaceDirectory(directory: string): Promise<ExternalCheckpoint> {
  const config = await readJsonFile(join(directory, CONFIG_FILE), configSchema);
  const settings = join(directory, GENERATION_FILE);
  const generation = (await exists(settings)) ? await readJsonFile(settings, configSchema) : undefined;
  const single = join(directory, WEIGHTS_FILE);
  const index = join(directory, INDEX_FILE);
  if (!(await exists(index)))
    return { where: directory, config, generation, tensors: await tensorsOf(single) };
  if (await exists(single)) {
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: has both ${WEIGHTS_FILE} and ${INDEX_FILE}, expected one of them`,
    );
  }
  return { where: directory, config, generation, tensors: await shardedTensors(directory, index) };
}

async function shardedTensors(directory: string, index: string): Promise<readonly ExternalTensor[]> {
  const { weight_map: places } = await readJsonFile(index, indexSchema, { limitBytes: 1 << 26 });
  const shards = [...new Set(Object.values(places))].sort();
  if (shards.length === 0 || shards.length > MAX_SHARDS) {
    throw new SlmError("DATA_INVALID", `${index}: names ${shards.length} files, expected 1 to ${MAX_SHARDS}`);
  }
  const tensors: ExternalTensor[] = [];
  for (const shard of shards) {
    const found = await tensorsOf(join(directory, shard));
    const misplaced = found.find(({ name }) => !Object.hasOwn(places, name) || places[name] !== shard);
    if (misplaced !== undefined)
      throw disagreement(index, `does not say that '${misplaced.name}' is in ${shard}`);
    tensors.push(...found);
  }
  const names = new Set(tensors.map(({ name }) => name));
  const lost = Object.keys(places).find((name) => !names.has(name));
  if (lost !== undefined)
    throw disagreement(index, `says that '${lost}' is in ${places[lost] ?? ""}, which lacks it`);
  return tensors;
}

const disagreement = (index: string, message: string): SlmError =>
  new SlmError("DATA_INVALID", `${index}: ${message}`);

async function tensorsOf(file: string): Promise<readonly ExternalTensor[]> {
  const opened = await openSafetensors(file);
  await opened.close();
  return [...opened.entries].map(([name, { dtype, shape }]): ExternalTensor => {
    if (!FLOATS.includes(dtype) && !COUNTED.test(name)) {
      throw new SlmError(
        "DATA_INVALID",
        `${file}: tensor '${name}' is ${dtype}; weights are ${FLOATS.join(", ")}`,
      );
    }
    return { name, shape, dtype, read: () => readTensor(file, name) };
  });
}

async function readTensor(file: string, name: string): Promise<Float32Array> {
  const opened = await openSafetensors(file);
  try {
    return toFloat32(await opened.read(name), name).data as Float32Array;
  } finally {
    await opened.close();
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
