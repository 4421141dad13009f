export { runJob } from "./child.js";
export { openNativeRuntime, type NativeRuntimeOptions } from "./native-runtime.js";
export type { ListedDevice, NativeProvider } from "./provider.js";
