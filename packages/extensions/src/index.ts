export { defineExtension, useExtension, type Extension } from "./extension.js";
export { provideLibrary, useExtensions } from "./load-extensions.js";
