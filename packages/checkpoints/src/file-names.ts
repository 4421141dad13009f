/** Names of a checkpoint's files. The module imports nothing, because every command looks for checkpoints. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export const CONFIG_FILE = "config.json";
export const WEIGHTS_FILE = "model.safetensors";
export const WEIGHTS_INDEX_FILE = "model.safetensors.index.json";

/** Whether a directory has weights that `openWeights` opens. */
export const hasWeights = (directory: string): boolean =>
  [WEIGHTS_FILE, WEIGHTS_INDEX_FILE].some((file) => existsSync(join(directory, file)));
