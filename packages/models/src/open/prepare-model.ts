/** Prepares a model of any form: a directory that a runtime can load. A checkpoint is exported to a temporary directory. */
import { closing, removePath, requireIntact, type Progress } from "@slm/core";
import { shellWord, SlmError } from "@slm/core/errors";
import type { Runtime } from "@slm/runtime";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locateModel } from "./locate-model.js";

export interface PrepareOptions {
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

export interface PreparedModel {
  /** Contains `model.json`, graphs and tokenizer. */
  readonly directory: string;
  /** Removes temporary files. */
  readonly close: () => Promise<void>;
}

/**
 * The directory of a checkpoint, an export, a quantized directory or a bundle, packed or not, ready to load. @throws SlmError INPUT_MISSING, DATA_INVALID for a
 * corrupt artifact, and from exporting
 */
export async function prepareModel(path: string, options: PrepareOptions): Promise<PreparedModel> {
  const { key } = options;
  if (key === undefined) return open(path, options);
  const { kind } = await locateModel(path);
  if (kind === "checkpoint")
    throw new SlmError("GATE_FAILED", `${path}: is a checkpoint, and --key asks for a signed bundle`, {
      suggestions: [`slm deploy ${shellWord(path)} --sign key.pem`],
    });
  const opened = await open(path, options);
  try {
    // This and the imports below are not loaded to open an exported model.
    const { requireSigned } = await import("./require-signed.js");
    await requireSigned(opened.directory, key);
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function open(path: string, options: PrepareOptions): Promise<PreparedModel> {
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
async function openPacked(path: string): Promise<PreparedModel> {
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

/** Prepares a model, runs `body` and removes temporary files afterwards. @throws SlmError as {@link prepareModel} */
export async function withPreparedModel<Result>(
  path: string,
  options: PrepareOptions,
  body: (directory: string) => Promise<Result>,
): Promise<Result> {
  const prepared = await prepareModel(path, options);
  return closing(prepared, () => body(prepared.directory));
}
