export { GPU_CANDIDATES, createGpuRuntime, type GpuRuntimeOptions } from "./gpu-runtime.js";
