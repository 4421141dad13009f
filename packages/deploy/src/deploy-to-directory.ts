/** Writes a bundle as a directory: everything a device needs, and a model card. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { copyFiles, hashFile, writeTextAtomic } from "@slm/core";
import { readDeviceModel, writeDeviceModel, type DeviceModel } from "@slm/exported-model";
import { listModelFiles } from "@slm/exported-model/files";
import type { CardInput } from "./card-input.js";
import { modelId } from "./model-id.js";
import { modelCard, type BundledFile } from "./model-card.js";

export interface DeployInput {
  /** Directory of an exported or quantized model. */
  readonly model: string;
  /** Filled in place. The caller makes it atomic (`writeArtifact`). */
  readonly outputDirectory: string;
  readonly card: CardInput;
  /** Confidence threshold of the bundle. Default: the threshold of `model`, if it has one. */
  readonly abstention?: DeviceModel["abstention"];
}

export interface Deployment {
  /** The filled directory. */
  readonly bundle: string;
  readonly files: readonly BundledFile[];
}

const CARD_FILE = "README.md";

/**
 * Copies the graphs with their external data, the tokenizer and model.json, and writes README.md, the model card. The card's name becomes
 * the title in model.json, and an id derived from it the name. The bundle runs like any model directory.
 *
 * @throws SlmError INPUT_MISSING or DATA_INVALID if the model directory is not complete and consistent; OUTPUT_FAILED.
 */
export async function deployToDirectory({
  model,
  outputDirectory,
  card,
  abstention,
}: DeployInput): Promise<Deployment> {
  const described = await readDeviceModel(model);
  const description = abstention === undefined ? described : { ...described, abstention };
  const paths = await listModelFiles("deploy", model, description);
  await copyFiles(model, outputDirectory, paths);
  const { name = description.name } = card;
  const named =
    card.name === undefined
      ? description
      : { ...description, name: modelId(name) ?? description.name, title: name };
  if (named !== described) await writeDeviceModel(outputDirectory, named);
  const copied = await Promise.all(paths.map((path) => describeFile(outputDirectory, path)));
  await writeTextAtomic(join(outputDirectory, CARD_FILE), modelCard(description, copied, card));
  return { bundle: outputDirectory, files: [...copied, await describeFile(outputDirectory, CARD_FILE)] };
}

async function describeFile(directory: string, path: string): Promise<BundledFile> {
  const full = join(directory, path);
  return { path, bytes: (await stat(full)).size, sha256: await hashFile(full) };
}
