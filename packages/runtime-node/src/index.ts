export { createCpuRuntime, type CpuRuntimeOptions } from "./cpu-runtime.js";
export { candidatesFor, candidatesOf, openProfiles, type DeviceProfiles } from "./device-profiles.js";
export { listProviders, openFirst, type Candidate, type ListedProvider } from "./open-first.js";
export { openOrtRuntime, type OrtRuntimeOptions } from "./ort-runtime.js";
export type { SessionSettings } from "./protocol.js";
export { GPU_CANDIDATES, createGpuRuntime, type GpuRuntimeOptions } from "./gpu-runtime.js";
export { NPU_CANDIDATES, createNpuRuntime, type NpuRuntimeOptions } from "./npu-runtime.js";
