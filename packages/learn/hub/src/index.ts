export { resolveCached, resolveModel, type ResolvedModel, type ResolveOptions } from "./resolve-model.js";
export { parseModelSource, type HubSource, type ModelSource } from "./model-source.js";
