/** Opens a model of any form as a directory that a runtime can load. A checkpoint is exported to a temporary directory. */
import { removePath, requireIntact, type Progress } from "@slm/core";
import { shellWord, SlmError } from "@slm/core/errors";
import type { Runtime } from "@slm/runtime";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locateModel } from "./locate-model.js";

export interface OpenModelOptions {
  /** Opens what checks an export against its checkpoint; not called for exported models. */
  readonly runtime: () => Promise<Runtime>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /**
   * Folders of the model whose checksums are not checked here, because nothing reads them or their reader checks them. Default: none. Use
   * the default to copy a model.
   */
  readonly except?: readonly string[] | undefined;
  /** Public key file (PEM); only a bundle signed with it is opened. Default: any model is opened. */
  readonly key?: string | undefined;
}

export interface OpenedModel {
  /** Contains `model.json`, graphs and tokenizer. */
  readonly directory: string;
  /** Removes temporary files. */
  readonly close: () => Promise<void>;
}

/**
 * Opens a checkpoint, an export, a quantized directory or a bundle, packed or not. @throws SlmError INPUT_MISSING, DATA_INVALID for a
 * corrupt artifact, and from exporting
 */
export async function openExported(path: string, options: OpenModelOptions): Promise<OpenedModel> {
  const { key } = options;
  if (key === undefined) return open(path, options);
  const { kind } = await locateModel(path);
  if (kind === "checkpoint")
    throw new SlmError("GATE_FAILED", `${path}: is a checkpoint, and --key asks for a signed bundle`, {
      suggestions: [`slm deploy ${shellWord(path)} --sign key.pem`],
    });
  const opened = await open(path, options);
  try {
    const { requireSigned } = await import("./require-signed.js");
    await requireSigned(opened.directory, key);
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function open(path: string, options: OpenModelOptions): Promise<OpenedModel> {
  const { kind, directory } = await locateModel(path);
  if (kind === "packed") return openPacked(directory);
  if (kind === "device") {
    await requireIntact(directory, { except: options.except });
    return { directory, close: () => Promise.resolve() };
  }
  const exported = await mkdtemp(join(tmpdir(), "slm-export-"));
  const close = (): Promise<void> => removePath(exported);
  try {
    const { exportCheckpoint } = await import("@slm/onnx-export");
    await exportCheckpoint({
      ...options,
      runtime: await options.runtime(),
      checkpointDirectory: directory,
      outputDirectory: exported,
      target: "cpu",
    });
  } catch (error) {
    await close();
    throw error;
  }
  return { directory: exported, close };
}

/** Unpacks a packed bundle to a temporary directory. */
async function openPacked(path: string): Promise<OpenedModel> {
  const { unpackBundle } = await import("@slm/deploy");
  const root = await mkdtemp(join(tmpdir(), "slm-bundle-"));
  const close = (): Promise<void> => removePath(root);
  try {
    const directory = join(root, "bundle");
    await unpackBundle(path, directory);
    return { directory, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Opens a model, runs `body` and closes the model afterwards. */
export async function withModel<Result>(
  path: string,
  options: OpenModelOptions,
  body: (directory: string) => Promise<Result>,
): Promise<Result> {
  return withModels([path], options, ([directory]) => body(directory!));
}

/** Opens several models, runs `body` and closes the models afterwards. */
async function withModels<Result>(
  paths: readonly string[],
  options: OpenModelOptions,
  body: (directories: readonly string[]) => Promise<Result>,
): Promise<Result> {
  const opened: OpenedModel[] = [];
  try {
    for (const path of paths) opened.push(await openExported(path, options));
    return await body(opened.map(({ directory }) => directory));
  } finally {
    for (const model of opened) await model.close();
  }
}
