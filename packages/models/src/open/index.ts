/** Opens models of any form. */
export { exportedTarget } from "./exported-target.js";
export { isModelDirectory, locateModel } from "./locate-model.js";
export { openModel, type OpenModelOptions } from "./open-model.js";
export { prepareModel, withPreparedModel } from "./prepare-model.js";
export { prepareModels, withModelsOnDevice } from "./prepare-models.js";
