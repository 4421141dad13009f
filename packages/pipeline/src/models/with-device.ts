/** Opens models and the device that runs them. */
import { COMPILED_FOLDER, readDeviceModel } from "@slm/exported-model";
import { type Progress } from "@slm/core";
import type { Runtime } from "@slm/runtime";
import { openExported } from "./open-exported.js";
import { RUNTIMES, runtimeRecipe, type DeviceRequest, type RuntimeRecipe } from "../compute/devices.js";
import { optionsOf, readTuning, tune } from "./tuning-cache.js";
import { openRuntime } from "../compute/open-engine.js";

export interface OpenedDevice {
  /** Each contains `model.json`, graphs and tokenizer. */
  readonly directories: readonly string[];
  readonly recipe: RuntimeRecipe;
  readonly runtime: Runtime;
}

/** The options with the first model's settings from the tuning cache, or measured now. Unchanged if `threads` is set or nothing is cached. */
async function keptRecipe(
  directory: string,
  recipe: RuntimeRecipe,
  { threads, tune: measures = false, progress }: DeviceRequest & DeviceContext,
): Promise<RuntimeRecipe> {
  if (threads !== undefined) return recipe;
  const kept = measures ? await tune({ directory, progress }) : await readTuning(directory);
  return kept === undefined ? recipe : { ...recipe, options: optionsOf(kept.choice) };
}

export interface DeviceContext {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Public key file that every model must be signed with; see `OpenModelOptions`. */
  readonly key?: string | undefined;
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
  const opened: { readonly close: () => Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one.close();
  };
  try {
    const processor = await openRuntime(request.threads);
    opened.push(processor);
    const directories: string[] = [];
    for (const path of paths) {
      const model = await openExported(path, {
        ...request,
        runtime: processor,
        except: [COMPILED_FOLDER], // read by the plug-in of one chip only, which checks its own
      });
      opened.push(model);
      directories.push(model.directory);
    }
    const recipe = runtimeRecipe(await Promise.all(directories.map(readDeviceModel)), request);
    const chosen = recipe.kind === "cpu" ? await keptRecipe(directories[0]!, recipe, request) : recipe;
    if (chosen.kind === "cpu" && chosen === recipe) return { directories, recipe, runtime: processor, close };
    const runtime = await RUNTIMES[chosen.kind].open(chosen.options);
    opened.push(runtime);
    return { directories, recipe: chosen, runtime, close };
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
