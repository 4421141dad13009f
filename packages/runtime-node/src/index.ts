export { createCpuRuntime } from "./cpu-runtime.js";
export { listProviders, openFirst, type Candidate, type ListedProvider } from "./open-first.js";
export { GPU_CANDIDATES, createGpuRuntime } from "./gpu-runtime.js";
export { NPU_CANDIDATES, createNpuRuntime } from "./npu-runtime.js";
