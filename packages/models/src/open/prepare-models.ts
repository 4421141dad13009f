/** Prepares models for the device that runs them. */
import { COMPILED_FOLDER, readDeviceModel, type DeviceModel } from "@slm/exported-model";
import { closing } from "@slm/core";
import type { Runtime } from "@slm/runtime";
import { prepareModel, type PrepareOptions } from "./prepare-model.js";
import { RUNTIMES, runtimeRecipe, type DeviceRequest, type RuntimeRecipe } from "../compute/devices.js";
import { openRuntime } from "../compute/open-engine.js";

interface ModelsOnDevice {
  /** Each contains `model.json`, graphs and tokenizer. */
  readonly directories: readonly string[];
  readonly recipe: RuntimeRecipe;
  readonly runtime: Runtime;
}

/** The requested device, and how to prepare the models. */
export interface PrepareRequest extends DeviceRequest, Pick<PrepareOptions, "progress" | "signal" | "key"> {}

/** Prepared models whose device is not open yet. */
export interface PreparedModels extends Pick<ModelsOnDevice, "directories"> {
  readonly descriptions: readonly DeviceModel[];
  /** Opens the requested device, or the device that the models were exported for. @throws SlmError DEVICE_UNAVAILABLE */
  readonly openDevice: () => Promise<Pick<ModelsOnDevice, "recipe" | "runtime">>;
  /** Closes everything that was opened, and removes temporary files. */
  readonly close: () => Promise<void>;
}

/** Prepares models. After an error everything is closed. @throws SlmError as locating, exporting and `runtimeRecipe` */
export async function prepareModels(
  paths: readonly string[],
  request: PrepareRequest,
): Promise<PreparedModels> {
  const opened: { readonly close: () => Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one.close();
  };
  let processor: Promise<Runtime> | undefined;
  const openProcessor = async (): Promise<Runtime> => {
    const runtime = await openRuntime(request.threads);
    opened.push(runtime);
    return runtime;
  };
  const onProcessor = (): Promise<Runtime> => (processor ??= openProcessor());
  try {
    const directories: string[] = [];
    for (const path of paths) {
      const model = await prepareModel(path, {
        ...request,
        runtime: onProcessor,
        except: [COMPILED_FOLDER], // read by the plug-in of one chip only, which checks its own
      });
      opened.push(model);
      directories.push(model.directory);
    }
    const descriptions = await Promise.all(directories.map(readDeviceModel));
    // Checks the request, whichever engine runs the models.
    const recipe = runtimeRecipe(descriptions, request);
    const openDevice: PreparedModels["openDevice"] = async () => {
      if (recipe.kind === "cpu") return { recipe, runtime: await onProcessor() };
      const runtime = await RUNTIMES[recipe.kind].open(recipe.options);
      opened.push(runtime);
      return { recipe, runtime };
    };
    return { directories, descriptions, openDevice, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Runs `body` with models and the requested device, or the device that the models were exported for. Everything is closed afterwards, also
 * after an error.
 *
 * @throws SlmError as {@link prepareModels}; DEVICE_UNAVAILABLE if a device is missing and fallback is not allowed
 */
export async function withModelsOnDevice<Result>(
  paths: readonly string[],
  request: PrepareRequest,
  body: (opened: ModelsOnDevice) => Promise<Result>,
): Promise<Result> {
  const { directories, openDevice, close } = await prepareModels(paths, request);
  return closing({ close }, async () => body({ directories, ...(await openDevice()) }));
}
