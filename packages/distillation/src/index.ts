export { distillConfig, requiresTeacher, type DistillConfig } from "./config/distill-config.js";
export type { ReportHead } from "./config/distill-report.js";
export { distill, type DistillReport } from "./distill.js";
export { notSingle, readSingleConfig } from "./start/single-teacher.js";
export {
  checkRounding,
  learnedScales,
  roundParameters,
  startingScales,
} from "./quantized/rounded-parameters.js";
export { requiresDistributions } from "./config/loss-config.js";
export { isAlwaysOnPolicy } from "./config/target-shares.js";
export {
  hasTeacherShape,
  publishedTowerOf,
  studentLengths,
  studentShape,
  type PublishedTower,
  type StudentShape,
} from "./config/student-config.js";
