export {
  WEB_PROVIDERS,
  createWebRuntime,
  type OrtModule,
  type WebProvider,
  type WebRuntimeOptions,
} from "./web-runtime.js";
