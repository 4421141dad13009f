export { countedRuntime, type CountedRuntime, type Traffic } from "./counted-runtime.js";
export {
  MemoryRuntime,
  type MemoryGraph,
  type MemoryGraphs,
  type MemoryOutputs,
  type MemoryRun,
} from "./memory-runtime.js";
