export { distillConfig, requiresTeacher, type DistillConfig } from "./distill-config.js";
export { distill, distillSegment, type DistillReport } from "./distill.js";
export type { DistillInputs } from "./distill-inputs.js";
export { notSingle, readSingleConfig } from "./single-teacher.js";
export { largestShare, STORED_TARGETS } from "./target-schedule.js";
export { requireUnlabelled } from "./unlabelled-sources.js";
export {
  hasTeacherShape,
  publishedTowerOf,
  studentShape,
  type PublishedTower,
  type PublishedTowerConfig,
  type StudentShape,
} from "./student-config.js";
