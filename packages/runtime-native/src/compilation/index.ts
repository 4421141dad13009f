export { compileConfig, type CompileConfig } from "./compile-config.js";
export { compileFile, type CompileFileOptions } from "./compile-file.js";
export type {
  CompileOptions,
  CompileReport,
  CompiledChip,
  CompiledFile,
  Compiler,
} from "./compile-graphs.js";
export { checkCompiler, compileModel, type CompileModelOptions } from "./compile-model.js";
