/** Settings from `npm run e2e:webgpu`, and the two runtimes that the tests compare. */
import type { Runtime } from "@slm/runtime";
import { createCpuRuntime, createGpuRuntime } from "@slm/runtime-node";
import { join } from "node:path";
import { required } from "../slm-process.js";

/** A setting that the script must provide. */
export const setting = (name: string): string => required(name, "e2e:webgpu");

/** A path in a recipe's run: checkpoints, rows. */
export const inRun = (...parts: readonly string[]): string => join(setting("SLM_TEST_RUN"), ...parts);

/** Device flag for the command line, without fallback to another device. */
export const ON_WEBGPU = ["--device", "gpu:webgpu", "--no-fallback"] as const;

export interface Runtimes {
  readonly gpu: Runtime;
  readonly cpu: Runtime;
  readonly close: () => Promise<void>;
}

/** Only WebGPU. @param whole whether it must compute every node of a graph */
export const openGpu = (whole = false): Promise<Runtime> =>
  createGpuRuntime({ profile: "webgpu", fallback: false, whole });

/** WebGPU, and the CPU for comparison. @param whole whether WebGPU must compute every node of a graph */
export async function openRuntimes(whole = false): Promise<Runtimes> {
  const gpu = await openGpu(whole);
  const cpu = await createCpuRuntime();
  const close = async (): Promise<void> => {
    await gpu.close();
    await cpu.close();
  };
  return { gpu, cpu, close };
}
