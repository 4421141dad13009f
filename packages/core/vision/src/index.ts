export { MAX_PIXELS } from "./limits.js";
