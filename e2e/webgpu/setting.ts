/** What `npm run e2e:webgpu` hands to these tests, and the two runtimes that they compare. */
import type { Runtime } from "@slm/runtime";
import { createCpuRuntime, createGpuRuntime } from "@slm/runtime-node";
import { join } from "node:path";
import { required } from "../slm-process.js";

/** A setting that the script must have made. */
export const setting = (name: string): string => required(name, "e2e:webgpu");

/** A path inside the run of a recipe: its checkpoints, its rows. */
export const inRun = (...parts: readonly string[]): string => join(setting("SLM_TEST_RUN"), ...parts);

/** As the command line takes it; no other device may compute instead. */
export const ON_WEBGPU = ["--device", "gpu:webgpu", "--no-fallback"] as const;

export interface Runtimes {
  readonly gpu: Runtime;
  readonly cpu: Runtime;
  readonly close: () => Promise<void>;
}

/** WebGPU and nothing else. @param whole whether it must compute every node of a graph */
export const openGpu = (whole = false): Promise<Runtime> =>
  createGpuRuntime({ profile: "webgpu", fallback: false, whole });

/** WebGPU, and the CPU that its results are compared with. @param whole whether WebGPU must compute every node of a graph */
export async function openRuntimes(whole = false): Promise<Runtimes> {
  const gpu = await openGpu(whole);
  const cpu = await createCpuRuntime();
  const close = async (): Promise<void> => {
    await gpu.close();
    await cpu.close();
  };
  return { gpu, cpu, close };
}
