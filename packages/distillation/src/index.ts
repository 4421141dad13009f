export { distillConfig, readsTeacher, type DistillConfig } from "./distill-config.js";
export { distill, type DistillReport } from "./distill.js";
export type { DistillInputs } from "./distill-inputs.js";
export { TERM_NAMES, type LossConfig, type TermName } from "./loss-config.js";
export { largestShare } from "./target-schedule.js";
export {
  publishedTowerOf,
  studentShape,
  type PublishedTower,
  type PublishedTowerConfig,
} from "./student-config.js";
