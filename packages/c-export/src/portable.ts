/** Running compiled models. It imports nothing that compiles them, so that pages and short commands stay small. */
export { PortableModel } from "./module/portable-model.js";
export type { PortableProgram } from "./module/portable-program.js";
export { readPortable } from "./module/portable-file.js";
export { readModule } from "./module/read-module.js";
