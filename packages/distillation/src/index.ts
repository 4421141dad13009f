export { distillConfig, readsTeacher, type DistillConfig } from "./distill-config.js";
export { distill, type DistillReport } from "./distill.js";
export { largestShare } from "./target-schedule.js";
export {
  publishedTowerOf,
  studentShape,
  type PublishedTower,
  type PublishedTowerConfig,
} from "./student-config.js";
