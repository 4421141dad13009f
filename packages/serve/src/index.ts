export { perRowDecoder } from "./batching/per-row-decoder.js";
export { serveConfig } from "./serve-config.js";
export { startServer, type RunningServer } from "./server/start-server.js";
