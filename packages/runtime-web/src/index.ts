export { describeWebAdapter, findWebAdapter, type WebAdapter } from "./web-adapter.js";
export { createWebRuntime, type OrtModule, type WebProvider } from "./web-runtime.js";
