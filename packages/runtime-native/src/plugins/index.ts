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
export { addPlugin, type AddPluginOptions, type AddedPlugin, type PluginOffer } from "./add-plugin.js";
export { removePlugin, type RemovePluginOptions, type RemovedPlugin } from "./remove-plugin.js";
export type { LicenceText, PackageLicence } from "./licences.js";
export {
  bytesOf,
  findPlugin,
  listPlugins,
  openableOf,
  pluginsFolder,
  type InstalledPlugin,
  type ListOptions,
  type PluginState,
} from "./installed.js";
export { DEVICE_IDS, type Plugin, type PluginManifest } from "./plugin.js";
export { thisPlatform } from "./platform.js";
