export {
  teacherConfig,
  trainedTeacher,
  type TeacherConfig,
  type TrainedTeacherConfig,
} from "./teacher-config.js";
export { teacherObjective } from "./teacher-objective.js";
export { sequenceBatch, type SequenceBatch, type SequenceTokens } from "./sequence.js";
export { trainTeacher, type TeacherInputs, type TeacherReport } from "./train-teacher.js";
export { loadTeacher, type ScoredPair, type ScoreShape, type Teacher } from "./teacher-scorer.js";
export { embeddedTeacherDirectory, type EmbeddedTeacherName } from "./embedded-teacher.js";
