export { defineExtension, useExtension, type Extension } from "./extension.js";
export { useExtensions } from "./load-extensions.js";
