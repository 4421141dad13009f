export { compileModel, type CompiledModel } from "./compile-model.js";
export { readKernels } from "./text/kernel-files.js";
export { writeC, type CText } from "./text/write-c.js";
export { writeCFiles, type WrittenC } from "./text/write-c-files.js";
export { WEIGHT_FORMS, type WeightForm } from "./weights/pack.js";
export type { Capacities, Program } from "./program/plan.js";
export { PortableModel } from "./module/portable-model.js";
export { moduleText } from "./module/module-text.js";
export { readModule } from "./module/read-module.js";
