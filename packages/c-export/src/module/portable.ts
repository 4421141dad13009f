/** Running compiled models. It imports nothing that compiles them, so that pages and short commands stay small. */
export { PortableModel } from "./portable-model.js";
export type { PortableProgram } from "./portable-program.js";
export { readPortable } from "./portable-file.js";
export { compileModule, readModule } from "./read-module.js";
