/** Checkpoints: config.json and model.safetensors in one directory. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlmError } from "@slm/error";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { parseModelConfig, type ModelConfig } from "./config.js";
import { toHalf } from "./float16.js";
import { encodeSafetensors, readSafetensors } from "./safetensors.js";
import { matchWeights, type Weights } from "./weights.js";

export const CONFIG_FILE = "config.json";
export const WEIGHTS_FILE = "model.safetensors";

export interface Checkpoint {
  readonly config: ModelConfig;
  /** float32, in the order of `parameterSpecs`. */
  readonly weights: Weights;
}

/**
 * Reads a checkpoint directory and checks every weight against its configuration.
 *
 * @throws SlmError INPUT_MISSING, CONFIG_INVALID, DATA_INVALID or SHAPE_MISMATCH, naming the file.
 */
export async function readCheckpoint(directory: string): Promise<Checkpoint> {
  const config = await readModelConfig(directory);
  const file = join(directory, WEIGHTS_FILE);
  const { tensors } = await readSafetensors(file);
  return { config, weights: matchWeights(config, tensors, file) };
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

/** Writes both files into a directory that the caller makes appear whole. `float16` halves the size. */
export async function writeCheckpoint(
  directory: string,
  { config, weights }: Checkpoint,
  dtype: "float32" | "float16" = "float32",
): Promise<void> {
  const stored = new Map<string, HostTensor>();
  for (const [name, tensor] of weights) {
    const half = dtype === "float16";
    stored.set(
      name,
      half
        ? createHostTensor("float16", tensor.shape, Uint16Array.from(tensor.data as Float32Array, toHalf))
        : tensor,
    );
  }
  await writeFile(join(directory, WEIGHTS_FILE), encodeSafetensors(stored));
  await writeFile(join(directory, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
}
