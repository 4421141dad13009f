/** Opens engines and runtimes for the duration of a callback. Their packages are loaded only here. */
import type { Runtime } from "@slm/runtime";
import type { Engine, EngineName } from "@slm/tensor";
import type { Compute } from "./compute.js";

/**
 * The engine of a name. Closing it closes the runtime under it.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if the engine is not on this machine
 */
async function openEngine(name: EngineName, threads?: number): Promise<Engine> {
  const { createEagerEngine, createOnnxEngine } = await import("@slm/tensor");
  if (name !== "onnx") return createEagerEngine(name);
  const runtime = await openRuntime(threads);
  const engine = createOnnxEngine(runtime);
  return {
    ...engine,
    close: async () => {
      await engine.close();
      await runtime.close();
    },
  };
}

/** ONNX Runtime on this machine's CPU. @throws SlmError DEVICE_UNAVAILABLE */
export async function openRuntime(threads?: number): Promise<Runtime> {
  const { createCpuRuntime } = await import("@slm/runtime-node");
  return createCpuRuntime({ threads });
}

/** Runs `body` with an engine, and closes the engine afterwards, also after an error. */
export async function withEngine<Result>(
  { engine: name, threads }: Compute,
  body: (engine: Engine) => Promise<Result>,
): Promise<Result> {
  const engine = await openEngine(name, threads);
  try {
    return await body(engine);
  } finally {
    await engine.close();
  }
}

/** Runs `body` with a runtime, and closes the runtime afterwards, also after an error. */
export async function withRuntime<Result>(
  threads: number | undefined,
  body: (runtime: Runtime) => Promise<Result>,
): Promise<Result> {
  const runtime = await openRuntime(threads);
  try {
    return await body(runtime);
  } finally {
    await runtime.close();
  }
}
