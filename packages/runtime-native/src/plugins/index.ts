export {
  KNOWN_NAMES,
  ONNX_RUNTIME_VERSION,
  isKnownName,
  knownByPackage,
  knownPlugin,
  obtainCommand,
  type DeviceId,
  type KnownName,
  type KnownPlugin,
} from "./known.js";
export {
  findPlugin,
  findPluginByName,
  listPlugins,
  pluginsFolder,
  type InstalledPlugin,
  type ListOptions,
  type PluginState,
} from "./installed.js";
export type { Plugin, PluginManifest } from "./plugin.js";
