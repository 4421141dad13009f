export {
  PRECISIONS,
  RESULTS,
  RUNTIMES,
  SCHEME_NAMES,
  type DeviceRow,
  type Precision,
  type ProviderSettings,
  type RuntimeName,
  type SchemeName,
} from "./device-row.js";
export {
  BLOCK_METHODS,
  BLOCK_SIZES,
  withBlockSize,
  type BlockMethod,
  type BlockSize,
  type SizedWeightOptions,
  type WeightOptions,
} from "./weight-options.js";
export {
  isFewBits,
  TABLE_FORMATS,
  tableFormat,
  WEIGHT_SCHEMES,
  type TableFormat,
  type WeightFormat,
  type WeightFormats,
} from "./weight-schemes.js";
export { DEFAULT_PROFILE, DEVICES, type ProfileName, type ProfileOf, type Target } from "./device-table.js";
export {
  ALL_DEVICES,
  NODE_RUNTIMES,
  PROFILE_NAMES,
  TARGETS,
  deviceOf,
  isProfileOf,
  nodeRuntimeOf,
  parseProfile,
  profilesOf,
  unknownProfile,
  type Device,
  type NodeRuntime,
} from "./devices.js";
export {
  COMPILING_PROFILES,
  SOCS,
  isCompilingProfile,
  socOf,
  socsOf,
  type CompilingProfile,
  type Soc,
} from "./socs.js";
