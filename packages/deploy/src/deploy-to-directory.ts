/** Writes a bundle as a directory: everything a device needs, and a model card. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { copyFiles, hashFile, writeTextAtomic } from "@slm/core";
import {
  chooseEngine,
  readDeviceModel,
  writeDeviceModel,
  type DeviceModel,
  type EngineName,
} from "@slm/exported-model";
import { listModelFiles } from "@slm/exported-model/files";
import type { CardInput } from "./card-input.js";
import { modelId } from "./model-id.js";
import { CARD_FILE, modelCard, type BundledFile } from "./model-card.js";

export interface DeployInput {
  /** Directory of an exported or quantized model. */
  readonly model: string;
  /** Filled in place. The caller makes it atomic (`writeArtifact`). */
  readonly outputDirectory: string;
  readonly card: CardInput;
  /** Confidence threshold of the bundle. Default: the threshold of `model`, if it has one. */
  readonly abstention?: DeviceModel["abstention"];
  /** What runs the bundle. Default: see `chooseEngine`. */
  readonly engine?: EngineName | undefined;
}

export interface Deployment {
  /** The filled directory. */
  readonly bundle: string;
  readonly files: readonly BundledFile[];
}

/**
 * Copies the portable form or the graphs with their external data, the tokenizer and model.json, and writes README.md, the model card. The card's name becomes
 * the title in model.json, and an id derived from it the name; its summary and examples are stored there, too. The bundle runs like any model directory.
 *
 * @throws SlmError INPUT_MISSING or DATA_INVALID if the model directory is not complete and consistent; OUTPUT_FAILED.
 */
export async function deployToDirectory({
  model,
  outputDirectory,
  card,
  abstention,
  engine,
}: DeployInput): Promise<Deployment> {
  const described = await readDeviceModel(model);
  const description = {
    ...asItRuns(described, engine),
    ...(abstention === undefined ? {} : { abstention }),
  };
  const paths = await listModelFiles("deploy", model, description);
  await copyFiles(model, outputDirectory, paths);
  const names = namesIn(card, description.name);
  const hasChanged = abstention !== undefined || described.portable !== undefined;
  if (hasChanged || Object.keys(names).length > 0)
    await writeDeviceModel(outputDirectory, { ...description, ...names });
  const copied = await Promise.all(paths.map((path) => describeFile(outputDirectory, path)));
  await writeTextAtomic(join(outputDirectory, CARD_FILE), modelCard(description, copied, card));
  return { bundle: outputDirectory, files: [...copied, await describeFile(outputDirectory, CARD_FILE)] };
}

/** The description with what runs on the device only: the portable form, or the graphs. */
function asItRuns(model: DeviceModel, asked: EngineName | undefined): DeviceModel {
  const { portable, ...others } = model;
  if (portable === undefined) return model;
  const { engine, reason } = chooseEngine(model, { engine: asked });
  const [form] = portable;
  return engine === "wasm" && form !== undefined
    ? { ...model, scheme: form.weights, portable: [form], graphs: {} }
    : { ...others, noPortable: `left out of the bundle: ONNX Runtime runs it, because ${reason}` };
}

/** What a card says that model.json says, too. */
function namesIn({ name, summary, examples = [] }: CardInput, id: string): Partial<DeviceModel> {
  return {
    ...(name === undefined ? {} : { name: modelId(name) ?? id, title: name }),
    ...(summary === undefined ? {} : { summary }),
    ...(examples.length === 0 ? {} : { examples: [...examples] }),
  };
}

async function describeFile(directory: string, path: string): Promise<BundledFile> {
  const full = join(directory, path);
  return { path, bytes: (await stat(full)).size, sha256: await hashFile(full) };
}
