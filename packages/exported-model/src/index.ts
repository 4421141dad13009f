export { cacheTensors, type CacheTensor } from "./cache-tensors.js";
export {
  CANDIDATES,
  COMPILED_FOLDER,
  DEVICE_MODEL_FILE,
  DRAFT_RULES_FILE,
  GRAPH_IO,
  GRAPH_NAMES,
  LEXICAL_MASKED,
  LEXICAL_SHORTLIST_FILE,
  LISTED,
  ROW_POSITIONS,
  ROW_SETTINGS_FILE,
  deviceModelSchema,
  encoderOutputs,
  graphBytes,
  graphFilesOf,
  graphsOf,
  isCompanionFile,
  PORTABLE_WEIGHTS,
  portableFile,
  shortlistFile,
  type DeviceModel,
  type DeviceVision,
  type GraphName,
  type PortableForm,
} from "./device-model.js";
export {
  chooseEngine,
  engineLine,
  FASTEST_PARAMETERS,
  ENGINES,
  type EngineChoice,
  type EngineName,
  type EngineRequest,
} from "./engine.js";
export { filesOfEngine } from "./engine-files.js";
export { openTextCache } from "./static/open-text-cache.js";
export { staticSourceInputs, staticTokenInputs } from "./static/static-inputs.js";
export type { TextCache } from "./static/text-cache.js";
export { readDeviceModel, writeDeviceModel } from "./device-model-file.js";
export {
  DTYPE_SUFFIXES,
  externalDataSettings,
  INLINE_LIMIT,
  TRANSFORMERS_FOLDER,
  TRANSFORMERS_GRAPHS,
  transformersWeightsFile,
  type TransformersDtype,
  type TransformersGraph,
} from "./transformers-layout.js";
