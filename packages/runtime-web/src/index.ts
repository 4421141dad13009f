export { createWebRuntime, type OrtModule, type WebProvider } from "./web-runtime.js";
