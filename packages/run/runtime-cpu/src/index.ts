export { createCpuRuntime, type CpuRuntimeOptions } from "./cpu-runtime.js";
export { listProviders, openFirst, type Candidate, type ListedProvider } from "./open-first.js";
export { openOrtRuntime, type OrtRuntimeOptions } from "./ort-runtime.js";
export type { Provider, SessionSettings } from "./protocol.js";
