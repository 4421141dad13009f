export { NPU_PROFILES, createNpuRuntime, type NpuProfile, type NpuRuntimeOptions } from "./npu-runtime.js";
