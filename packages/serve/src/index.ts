export { perRowDecoder } from "./batching/per-row-decoder.js";
export { serveConfig, type ServeConfig } from "./serve-config.js";
export { startServer, type RunningServer, type ServerOptions } from "./start-server.js";
