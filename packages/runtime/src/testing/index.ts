export {
  MemoryRuntime,
  type MemoryGraph,
  type MemoryGraphs,
  type MemoryOutputs,
  type MemoryRun,
} from "./memory-runtime.js";
