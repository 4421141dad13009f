/** Formats of the weights in a Hugging Face directory. */
import { ExtensionTable } from "@slm/core";
import { toFloat32 } from "@slm/model";
import type { ExternalTensor } from "../external-checkpoint.js";
import { openSafetensors } from "../safetensors.js";
import { WEIGHTS_FILE, WEIGHTS_INDEX_FILE } from "../file-names.js";

export interface WeightFormat {
  /** Name of the file with all weights. */
  readonly single: string;
  /** Name of the index, for weights in several files. */
  readonly index: string;
  /** Opens the tensors of one file; their values stay on disk. @throws SlmError INPUT_MISSING, DATA_INVALID */
  readonly open: (file: string) => Promise<readonly ExternalTensor[]>;
}

export const SAFETENSORS: WeightFormat = {
  single: WEIGHTS_FILE,
  index: WEIGHTS_INDEX_FILE,
  open: safetensorsTensors,
};

/** Formats by name. If a directory has several, the first one is read. Extensions add formats. */
export const WEIGHT_FORMATS = new ExtensionTable<WeightFormat>("weightFormats", { safetensors: SAFETENSORS });

async function safetensorsTensors(file: string): Promise<readonly ExternalTensor[]> {
  const opened = await openSafetensors(file);
  await opened.close();
  return [...opened.entries].map(([name, { dtype, shape }]): ExternalTensor => {
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
