export { defineExtension, useExtension, type Extension } from "./extension.js";
export { loadExtensions, type OwnModules } from "./load-extensions.js";
