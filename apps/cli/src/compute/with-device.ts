/** Models and what computes them, open for as long as a piece of work lasts. */
import { readDeviceModel } from "@slm/exported-model";
import { type Progress } from "@slm/core";
import type { Runtime } from "@slm/runtime";
import { withModels } from "../models/open-model.js";
import { RUNTIMES, runtimeRecipe, type DeviceRequest, type RuntimeRecipe } from "./devices.js";
import { optionsOf, readKept, tune } from "./kept-settings.js";
import { withRuntime } from "./open-engine.js";

export interface OpenedDevice {
  /** Each holds `model.json`, graphs and tokenizer. */
  readonly directories: readonly string[];
  readonly recipe: RuntimeRecipe;
  readonly runtime: Runtime;
}

/** The recipe with what is kept for the first model, or measured now; itself if nothing is, or threads were asked for. */
async function keptRecipe(
  directory: string,
  recipe: RuntimeRecipe,
  { threads, tune: measures = false, progress }: DeviceRequest & DeviceContext,
): Promise<RuntimeRecipe> {
  if (threads !== undefined) return recipe;
  const kept = measures ? await tune({ directory, progress }) : await readKept(directory);
  return kept === undefined ? recipe : { ...recipe, options: optionsOf(kept.choice) };
}

export interface DeviceContext {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Opens models, then the device that was asked for or that they were made for. All is closed afterwards, whatever happens.
 *
 * @throws SlmError as locating, exporting and opening do; DEVICE_UNAVAILABLE where a device is not here and nothing may take its place
 */
export async function withDevice<Result>(
  paths: readonly string[],
  request: DeviceRequest & DeviceContext,
  body: (opened: OpenedDevice) => Promise<Result>,
): Promise<Result> {
  return withRuntime(request.threads, (processor) =>
    withModels(paths, { ...request, runtime: processor }, async (directories) => {
      const recipe = runtimeRecipe(await Promise.all(directories.map(readDeviceModel)), request);
      const chosen = recipe.kind === "cpu" ? await keptRecipe(directories[0]!, recipe, request) : recipe;
      if (chosen.kind === "cpu" && chosen === recipe)
        return body({ directories, recipe, runtime: processor });
      const runtime = await RUNTIMES[chosen.kind].open(chosen.options);
      try {
        return await body({ directories, recipe: chosen, runtime });
      } finally {
        await runtime.close();
      }
    }),
  );
}
