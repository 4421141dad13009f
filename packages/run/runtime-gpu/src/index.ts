export {
  GPU_CANDIDATES,
  GPU_PROFILES,
  createGpuRuntime,
  type GpuProfile,
  type GpuRuntimeOptions,
} from "./gpu-runtime.js";
