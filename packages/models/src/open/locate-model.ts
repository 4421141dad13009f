/** Finds out what kind of model a path is: an exported model, a checkpoint, or a set of quantized models. */
import { DEVICE_MODEL_FILE } from "@slm/exported-model";
import { isFile, MANIFEST_FILE, ownManifestText, parseManifestText } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { CONFIG_FILE, hasWeights, WEIGHTS_FILE } from "@slm/checkpoints/file-names";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

export interface LocatedModel {
  /**
   * `device`: graphs that are ready to run (an export, a quantized model, a bundle). `checkpoint`: weights to export.
   * `packed`: a bundle in one file.
   */
  readonly kind: "device" | "checkpoint" | "packed";
  readonly directory: string;
}

/** The report of the quantize stage, which names its main model. */
const quantizeReport = z.looseObject({ scheme: z.string() });

/** Finds the model of a path. For the directory of stage `quantize`, it is the model of the deployed scheme.
 *
 * @throws SlmError INPUT_MISSING, with the expected files, and the models found below the path
 */
export async function locateModel(path: string): Promise<LocatedModel> {
  if (await isPackedBundle(path)) return { kind: "packed", directory: path };
  const found = lookInto(path);
  if (found !== undefined) return found;
  const scheme = await deployedScheme(path);
  const quantized = scheme === undefined ? undefined : lookInto(join(path, scheme));
  if (quantized !== undefined) return quantized;
  const below = await modelsBelow(path);
  throw new SlmError(
    "INPUT_MISSING",
    `${path}: not a model: expected ${DEVICE_MODEL_FILE} (an export, a quantized model, a bundle) or ` +
      `${CONFIG_FILE} with ${WEIGHTS_FILE} (a checkpoint)`,
    {
      context: { path, modelsBelow: below },
      suggestions: below.length > 0 ? below.map((model) => `use ${model}`) : ["slm run RECIPE"],
    },
  );
}

/** Whether a path is a bundle in one file: a `.slm` archive. */
const isPackedBundle = async (path: string): Promise<boolean> => path.endsWith(".slm") && isFile(path);

/** Whether a directory contains a model in one of slm's layouts. */
export const isModelDirectory = (directory: string): boolean => lookInto(directory) !== undefined;

function lookInto(directory: string): LocatedModel | undefined {
  if (existsSync(join(directory, DEVICE_MODEL_FILE))) return { kind: "device", directory };
  const isCheckpoint = existsSync(join(directory, CONFIG_FILE)) && hasWeights(directory);
  return isCheckpoint ? { kind: "checkpoint", directory } : undefined;
}

/**
 * Name of the directory's deployed scheme; undefined if stage `quantize` did not write the directory. @throws SlmError DATA_INVALID for a
 * corrupt manifest
 */
async function deployedScheme(directory: string): Promise<string | undefined> {
  const text = await ownManifestText(directory);
  if (text === undefined) return undefined; // No manifest, or one of another program: stage `quantize` did not write the directory.
  const manifest = parseManifestText(text, join(directory, MANIFEST_FILE));
  if (manifest.kind !== "quantized") return undefined;
  return quantizeReport.safeParse(manifest.details).data?.scheme;
}

async function modelsBelow(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(path, name))
    .filter((directory) => lookInto(directory) !== undefined)
    .sort();
}
