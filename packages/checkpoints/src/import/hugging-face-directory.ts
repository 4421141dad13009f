/** Reads a Hugging Face model directory: config.json and weights, in one file or in shards with an index. */
import { join } from "node:path";
import { isThere, readJsonFile, SlmError } from "@slm/core";
import { GENERATION_FILE } from "@slm/generation";
import { z } from "zod";
import { CONFIG_FILE } from "../file-names.js";
import { checkComplete, checkShard, readShardIndex } from "../shard-index.js";
import { bothError } from "../weight-files.js";
import { type ExternalCheckpoint, type ExternalTensor } from "../external-checkpoint.js";
import { SAFETENSORS, WEIGHT_FORMATS, type WeightFormat } from "./weight-formats.js";

const configSchema = z.record(z.string(), z.unknown());

/** dtypes of weights that slm reads. */
const FLOATS: readonly string[] = ["F32", "F16", "BF16", "F64"];

/** Position ids, which old checkpoints store as integers; they are ignored. */
const COUNTED = /\.position_ids$/;

/**
 * Opens a directory: reads and checks headers, does not read tensor data.
 *
 * @throws SlmError INPUT_MISSING if a file is missing; DATA_INVALID if one is corrupt, if the index and the shards disagree, or if a tensor does
 * not have a floating-point type.
 */
export async function readHuggingFaceDirectory(directory: string): Promise<ExternalCheckpoint> {
  const config = await readJsonFile(join(directory, CONFIG_FILE), configSchema);
  const settings = join(directory, GENERATION_FILE);
  const generation = (await isThere(settings)) ? await readJsonFile(settings, configSchema) : undefined;
  return { where: directory, config, generation, tensors: await weightsOf(directory) };
}

async function weightsOf(directory: string): Promise<readonly ExternalTensor[]> {
  for (const { single, index, open } of Object.values(WEIGHT_FORMATS.rows)) {
    const [hasSingle, hasIndex] = [
      await isThere(join(directory, single)),
      await isThere(join(directory, index)),
    ];
    if (hasSingle && hasIndex) throw bothError(directory, single, index);
    if (hasSingle) return floatTensors(join(directory, single), open);
    if (hasIndex) return shardedTensors(directory, join(directory, index), open);
  }
  // Its error names the missing file.
  return floatTensors(join(directory, SAFETENSORS.single), SAFETENSORS.open);
}

async function shardedTensors(
  directory: string,
  file: string,
  open: WeightFormat["open"],
): Promise<readonly ExternalTensor[]> {
  const index = await readShardIndex(file);
  const tensors: ExternalTensor[] = [];
  for (const shard of index.shards) {
    const found = await floatTensors(join(directory, shard), open);
    checkShard(
      index,
      shard,
      found.map(({ name }) => name),
    );
    tensors.push(...found);
  }
  checkComplete(
    index,
    tensors.map(({ name }) => name),
  );
  return tensors;
}

/** The tensors of a file. @throws SlmError DATA_INVALID for a tensor that does not contain floats */
async function floatTensors(file: string, open: WeightFormat["open"]): Promise<readonly ExternalTensor[]> {
  const tensors = await open(file);
  const wrong = tensors.find(({ name, dtype }) => !FLOATS.includes(dtype) && !COUNTED.test(name));
  if (wrong === undefined) return tensors;
  throw new SlmError(
    "DATA_INVALID",
    `${file}: tensor '${wrong.name}' is ${wrong.dtype}, expected one of ${FLOATS.join(", ")}`,
  );
}
