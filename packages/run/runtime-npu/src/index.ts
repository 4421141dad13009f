export {
  NPU_CANDIDATES,
  NPU_PROFILES,
  createNpuRuntime,
  type NpuProfile,
  type NpuRuntimeOptions,
} from "./npu-runtime.js";
