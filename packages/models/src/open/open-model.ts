/** Opens a model of any form, and its device. */
import type { Model } from "@slm/inference";
import { engineFor, type DeviceRequest } from "../compute/devices.js";
import { contextOf, type WorkOptions } from "@slm/core/work";
import { openPrepared } from "./open-prepared.js";
import { prepareModels } from "./prepare-models.js";
import { deviceNotes } from "@slm/runtime";

/** The device that runs the model. */
export interface OpenModelOptions extends WorkOptions, DeviceRequest {
  /** Public key file (PEM): only a bundle signed with it is loaded. Default: any model is loaded. */
  readonly key?: string | undefined;
  /** Number of prompts that are usually answered together. Default: 1; small models then use one thread, unless `threads` is set. */
  readonly batchSize?: number | undefined;
}

/** Opens a model and its device.
 *
 * @param model directory of a checkpoint, an export, a quantized model or a bundle, or a bundle in one file
 * @throws SlmError INPUT_MISSING, DATA_INVALID; DEVICE_UNAVAILABLE if the device is missing and fallback is not allowed
 * @example
 * const model = await openModel("runs/mine/deploy");
 * const { text } = await model.generate("hello");
 * for await (const piece of model.stream("hello")) process.stdout.write(piece);
 * await model.close();
 */
export async function openModel(model: string, options: OpenModelOptions = {}): Promise<Model> {
  const { progress, signal, note } = contextOf(options);
  const { engine, device, soc, fallback, threads, batchSize, key } = options;
  const request = { engine, device, soc, fallback, threads, key };
  const opened = await prepareModels([model], { ...request, progress, signal });
  const [directory = ""] = opened.directories;
  const how = { closes: opened.close };
  try {
    const chosen = engineFor(opened.descriptions[0]!, request);
    if (chosen.engine === "wasm")
      return await openPrepared(directory, undefined, { ...how, reason: chosen.reason });
    const { runtime } = await opened.openDevice();
    for (const text of deviceNotes(runtime.device)) note(text);
    return await openPrepared(directory, runtime, { ...how, batchSize });
  } catch (error) {
    await opened.close();
    throw error;
  }
}
