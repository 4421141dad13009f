/** Opens portable forms of models. It imports nothing that runs graphs, so that pages and short commands stay small. */
import type { BatchOptions } from "../options/batch-options.js";
import { portableDecoding, type PortableOptions } from "../portable/portable-decoding.js";
import { createModel } from "./decoding-model.js";
import type { Model, GraphModelOptions } from "./model.js";

export type { PortableModel } from "@slm/c-export/portable";
export { portableDevice } from "../portable/portable-decoding.js";
export { PortableParts } from "../portable/portable-parts.js";

/** Options for opening the portable form of a model. */
export type OpenPortableOptions = Pick<PortableOptions, "module" | "reason"> &
  Pick<GraphModelOptions, "closes"> & {
    /** Replaces the decoder of every batch, as a benchmark does to suppress EOS. Default: it is used as it is. */
    readonly watch?: BatchOptions["watch"];
  };

/**
 * Opens the portable form of an exported, quantized or bundled model, which needs no runtime.
 *
 * Reads: `model.json`, the first portable form it names, `tokenizer.json`, `tokenizer_config.json`.
 *
 * @throws SlmError INPUT_MISSING for a missing file, DATA_INVALID for an invalid one, OP_UNSUPPORTED for a model without a portable form
 * @example
 * const model = await openPortableModel("runs/g2p/export", { module: await readModule() });
 */
export async function openPortableModel(directory: string, options: OpenPortableOptions): Promise<Model> {
  return createModel(await portableDecoding(directory, options), directory, options);
}
