export { runJob } from "./child.js";
export type { CompileRequest, CompiledGraph } from "./host/compile-graph.js";
export { openNativeRuntime, type NativeRuntimeOptions } from "./native-runtime.js";
export {
  devicesOf,
  openPluginRuntime,
  pluginTitle,
  providerOf,
  type PluginRuntimeOptions,
} from "./plugin-runtime.js";
export type { ListedDevice, NativeProvider } from "./host/provider.js";
