export { compareRuntimes, type CompareOptions, type RuntimeComparison } from "./compare-runtimes.js";
export { compileConfig, type CompileConfig } from "./compile-config.js";
export {
  binariesOf,
  compileModel,
  type CompileModelOptions,
  type CompileReport,
  type CompiledChip,
  type CompiledFile,
} from "./compile-model.js";
