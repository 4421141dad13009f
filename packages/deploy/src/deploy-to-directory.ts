/** The bundle as a directory: everything a device needs, and a card that says what it is. */
import { stat, copyFile, lstat, mkdir, readdir } from "node:fs/promises";
import { join, basename, dirname } from "node:path";
import { hashFile, writeTextAtomic, resolveInside, systemCode, SlmError } from "@slm/core";
import { readDeviceModel, DEVICE_MODEL_FILE, graphsOf, type DeviceModel } from "@slm/exported-model";
import type { CardInput } from "./card-input.js";
import { modelCard, type BundledFile } from "./model-card.js";
import { constants } from "node:fs";

// Which files of a model directory make the model, and copying them.

/** Beside the graphs: without these nothing can read what the model says. */
const SIDE_FILES = [DEVICE_MODEL_FILE, "tokenizer.json", "tokenizer_config.json"] as const;

/** External weights stand beside their graph as `encoder.onnx.data` or `encoder.onnx_data`. */
const isExternalDataOf = (graph: string, name: string): boolean =>
  name.startsWith(`${graph}.`) || name.startsWith(`${graph}_`);

/**
 * Paths of the files a model consists of, relative to its directory and in a fixed order.
 * Anything else in the directory (reports, logs, the manifest) is not part of the model.
 *
 * @throws SlmError INPUT_MISSING for a file that is not there; DATA_INVALID for a path out of the directory, a symbolic
 * link, or a graph that is not as large, with its external data, as model.json says.
 */
async function listModelFiles(directory: string, model: DeviceModel): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const { graph } of graphsOf(model)) {
    const files = await graphFiles(directory, graph.file);
    const sizes = await Promise.all(files.map((path) => fileSize(directory, path)));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    if (bytes !== graph.bytes) {
      throw new SlmError(
        "DATA_INVALID",
        `deploy: ${files.join(" + ")} in ${directory}: expected ${graph.bytes} bytes as model.json says, got ${bytes}`,
        { context: { files, bytes, expected: graph.bytes }, suggestions: [`slm verify ${directory}`] },
      );
    }
    paths.push(...files);
  }
  for (const path of SIDE_FILES) await fileSize(directory, path);
  return [...paths, ...SIDE_FILES];
}

async function graphFiles(directory: string, graph: string): Promise<readonly string[]> {
  await fileSize(directory, graph);
  const folder = dirname(graph);
  const names = await readdir(join(directory, folder));
  const external = names.filter((name) => isExternalDataOf(basename(graph), name)).sort();
  return [graph, ...external.map((name) => (folder === "." ? name : `${folder}/${name}`))];
}

/** Size of a regular file [bytes]. A symbolic link is rejected: it could carry any file of this machine into a bundle. */
async function fileSize(directory: string, path: string): Promise<number> {
  const full = resolveInside(directory, path);
  const status = await lstat(full).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (status === undefined) {
    throw new SlmError("INPUT_MISSING", `deploy: no such file: ${full}`, {
      context: { path: full },
      suggestions: ["slm export CHECKPOINT"],
    });
  }
  if (!status.isFile()) throw new SlmError("DATA_INVALID", `deploy: expected a regular file at ${full}`);
  return status.size;
}

/**
 * Copies files to the same relative paths. Where the file system can share blocks until one side is written (reflink),
 * it does, else bytes are copied. Hard links are not used: a file edited in the bundle would change in its source too.
 */
async function copyFiles(from: string, to: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const target = resolveInside(to, path);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(resolveInside(from, path), target, constants.COPYFILE_FICLONE);
  }
}

export interface DeployInput {
  /** Directory of an exported or quantized model. */
  readonly model: string;
  /** Filled in place; whoever calls makes it appear whole (`writeArtifact`). */
  readonly outputDirectory: string;
  readonly card: CardInput;
}

export interface Deployment {
  /** The directory that was filled. */
  readonly bundle: string;
  readonly files: readonly BundledFile[];
}

const CARD_FILE = "README.md";

/**
 * Copies the graphs with their external data, the tokenizer and model.json, and writes README.md, the model card.
 * The bundle runs as any model directory does.
 *
 * @throws SlmError INPUT_MISSING or DATA_INVALID if the model directory is not complete and consistent; OUTPUT_FAILED.
 */
export async function deployToDirectory({ model, outputDirectory, card }: DeployInput): Promise<Deployment> {
  const description = await readDeviceModel(model);
  const paths = await listModelFiles(model, description);
  await copyFiles(model, outputDirectory, paths);
  const copied = await Promise.all(paths.map((path) => describeFile(outputDirectory, path)));
  await writeTextAtomic(join(outputDirectory, CARD_FILE), modelCard(description, copied, card));
  return { bundle: outputDirectory, files: [...copied, await describeFile(outputDirectory, CARD_FILE)] };
}

async function describeFile(directory: string, path: string): Promise<BundledFile> {
  const full = join(directory, path);
  return { path, bytes: (await stat(full)).size, sha256: await hashFile(full) };
}
