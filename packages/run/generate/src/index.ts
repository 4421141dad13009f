export { loadGenerator } from "./generator.js";
export type { GenerateOptions, Generation, Generator } from "./types.js";
