/** Opens a prepared model on a runtime, or without one. */
import type { Model, GraphModelOptions } from "@slm/inference";
import type { Runtime } from "@slm/runtime";

export interface OpenPreparedOptions extends GraphModelOptions {
  /** Why a portable form runs instead of graphs: continues "because ...". */
  readonly reason?: string | undefined;
}

/**
 * Opens the graphs of a model on a runtime. Without a runtime, opens its portable form in WebAssembly.
 *
 * @param directory of an export, a quantized model or a bundle
 * @throws SlmError INPUT_MISSING, DATA_INVALID; OP_UNSUPPORTED for a model without a portable form
 */
export async function openPrepared(
  directory: string,
  runtime: Runtime | undefined,
  options: OpenPreparedOptions = {},
): Promise<Model> {
  if (runtime !== undefined)
    return (await import("@slm/inference")).openGraphModel(directory, runtime, options);
  const { readModule } = await import("@slm/c-export/portable");
  const { openPortableModel } = await import("@slm/inference/portable");
  return openPortableModel(directory, { ...options, module: await readModule() });
}
