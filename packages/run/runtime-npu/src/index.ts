export { NPU_CANDIDATES, createNpuRuntime, type NpuRuntimeOptions } from "./npu-runtime.js";
