export { cacheTensors, type CacheTensor } from "./cache-tensors.js";
export {
  COMPILED_FOLDER,
  DEVICE_MODEL_FILE,
  GRAPH_NAMES,
  LEXICAL_SHORTLIST_FILE,
  ROW_SETTINGS_FILE,
  decoderGraph,
  deviceModelSchema,
  graphFilesOf,
  graphsOf,
  isCompanionFile,
  modelBytes,
  PORTABLE_WEIGHTS,
  portableFile,
  shortlistFile,
  type DeviceModel,
  type DeviceVision,
  type GraphFile,
  type GraphName,
  type PortableForm,
} from "./device-model.js";
export { CANDIDATES, GRAPH_IO, LEXICAL_MASKED, LISTED, ROW_POSITIONS, encoderOutputs } from "./graph-io.js";
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
