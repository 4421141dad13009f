/** Opens models and the device that runs them. */
import { COMPILED_FOLDER, readDeviceModel, type DeviceModel } from "@slm/exported-model";
import { type Progress } from "@slm/core";
import type { Runtime } from "@slm/runtime";
import { openExported } from "./open-exported.js";
import { RUNTIMES, runtimeRecipe, type DeviceRequest, type RuntimeRecipe } from "../compute/devices.js";
import { openRuntime } from "../compute/open-engine.js";

export interface OpenedDevice {
  /** Each contains `model.json`, graphs and tokenizer. */
  readonly directories: readonly string[];
  readonly recipe: RuntimeRecipe;
  readonly runtime: Runtime;
}

export interface DeviceContext {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Public key file that every model must be signed with; see `OpenModelOptions`. */
  readonly key?: string | undefined;
}

/** Opened models whose device is not open yet. */
export interface OpenedModels extends Pick<OpenedDevice, "directories"> {
  readonly descriptions: readonly DeviceModel[];
  /** Opens the requested device, or the device that the models were exported for. @throws SlmError DEVICE_UNAVAILABLE */
  readonly openDevice: () => Promise<Pick<OpenedDevice, "recipe" | "runtime">>;
  /** Closes everything that was opened. */
  readonly close: () => Promise<void>;
}

/** Opens models. After an error everything is closed. @throws SlmError as locating, exporting and `runtimeRecipe` */
export async function openModels(
  paths: readonly string[],
  request: DeviceRequest & DeviceContext,
): Promise<OpenedModels> {
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
      const model = await openExported(path, {
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
    const openDevice: OpenedModels["openDevice"] = async () => {
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
 * Opens models, then the requested device, or the device that they were exported for.
 *
 * @throws SlmError as locating, exporting and opening; DEVICE_UNAVAILABLE if a device is missing and fallback is not allowed. After an
 * error everything is closed.
 */
export async function openDevice(
  paths: readonly string[],
  request: DeviceRequest & DeviceContext,
): Promise<OpenedDevice & { readonly close: () => Promise<void> }> {
  const { directories, openDevice: open, close } = await openModels(paths, request);
  try {
    return { directories, ...(await open()), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs `body` with the result of {@link openDevice}. Everything is closed afterwards, also after an error. */
export async function withDevice<Result>(
  paths: readonly string[],
  request: DeviceRequest & DeviceContext,
  body: (opened: OpenedDevice) => Promise<Result>,
): Promise<Result> {
  const opened = await openDevice(paths, request);
  try {
    return await body(opened);
  } finally {
    await opened.close();
  }
}
