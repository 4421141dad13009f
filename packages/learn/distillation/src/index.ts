export { distillConfig, type DistillConfig } from "./distill-config.js";
export { distill, type DistillInputs, type DistillReport } from "./distill.js";
