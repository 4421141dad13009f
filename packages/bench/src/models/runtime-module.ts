/** A runtime by module name, so that a child process can open it; functions cannot be sent to another process. */
import { SlmError } from "@slm/core";
import type { Runtime } from "@slm/runtime";
import { z } from "zod";

export const runtimeModule = z.strictObject({
  module: z.string().min(1).describe("Module to import: a file URL."),
  export: z.string().min(1).describe("Name of the exported function that creates the runtime."),
  options: z.record(z.string(), z.json()).describe("The function's only argument."),
});
export type RuntimeModule = z.infer<typeof runtimeModule>;

const RUNTIME_METHODS = ["load", "upload", "download", "permuteRows", "release", "close"] as const;

/**
 * Imports the module and creates its runtime.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if the module cannot be imported or returns no runtime; the errors of its function.
 */
export async function importRuntime({ module, export: name, options }: RuntimeModule): Promise<Runtime> {
  const imported = await import(module).then(
    (loaded: unknown) => new Map<string, unknown>(Object.entries(Object(loaded) as object)),
    (error: unknown) => {
      throw new SlmError("DEVICE_UNAVAILABLE", `bench: cannot import the runtime ${module}`, {
        cause: error,
      });
    },
  );
  const make = imported.get(name);
  if (typeof make !== "function") {
    throw new SlmError("DEVICE_UNAVAILABLE", `bench: ${module} does not export a function '${name}'`);
  }
  const runtime: unknown = await Reflect.apply(make, undefined, [options]);
  if (!isRuntime(runtime)) {
    throw new SlmError("DEVICE_UNAVAILABLE", `bench: '${name}' of ${module} did not return a runtime`);
  }
  return runtime;
}

function isRuntime(value: unknown): value is Runtime {
  if (typeof value !== "object" || value === null || !("device" in value)) return false;
  return RUNTIME_METHODS.every((method) => typeof Reflect.get(value, method) === "function");
}
