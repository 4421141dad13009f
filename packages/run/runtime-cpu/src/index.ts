export { createCpuRuntime, type CpuRuntimeOptions } from "./cpu-runtime.js";
