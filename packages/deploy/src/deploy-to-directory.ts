/** The bundle as a directory: everything a device needs, and a card that says what it is. */
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
  /** Filled in place; whoever calls makes it appear whole (`writeArtifact`). */
  readonly outputDirectory: string;
  readonly card: CardInput;
  /** Threshold of confidence that the bundle gets. Default: that of `model`, if it has one. */
  readonly abstention?: DeviceModel["abstention"];
}

export interface Deployment {
  /** The directory that was filled. */
  readonly bundle: string;
  readonly files: readonly BundledFile[];
}

const CARD_FILE = "README.md";

/**
 * Copies the graphs with their external data, the tokenizer and model.json, and writes README.md, the model card. The card's name becomes
 * the title in model.json, and an id made of it the name.
 * The bundle runs as any model directory does.
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
