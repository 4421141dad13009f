export {
  modelTeachers,
  teacherTraining,
  trainedShape,
  type TeacherMemberConfig,
  type TeacherPrecision,
} from "./config/teacher-config.js";
export { chatAfter, plainAfter, promptFields } from "./config/prompt-config.js";
export { applyPrompt, exampleRows, promptText } from "./prompt/apply-prompt.js";
export { finetuneTraining } from "./config/finetune-config.js";
export { finetuneTeacher, type FinetuneReport } from "./training/finetune-teacher.js";
export { teacherObjective } from "./training/teacher-objective.js";
export { trainTeacher } from "./training/train-teacher.js";
export type { ScoredPair, ScoreShape, Teacher, TeacherLimits } from "./models/teacher.js";
export { GRAPH_FOLDER, writeGraphFile } from "./graph/graph-file.js";
export { loadDecoder, textLogits } from "./graph/load-graph.js";
export { loadTeacher } from "./models/teacher-scorer.js";
export {
  loadTeachers,
  otherThanCheckpoint,
  readTeacherConfigs,
  teacherTokenizer,
  writeEnsemble,
} from "./teacher-directory.js";
export {
  CACHE_ROWS,
  cacheRowKinds,
  readCacheRows,
  readGivenRows,
  scoredRowFilter,
  type CacheRowKind,
  type TeacherRow,
} from "./cache/cache-rows.js";
export { decodeSources } from "./models/decode-sources.js";
export { buildTeacherCache } from "./cache/build-cache.js";
export { hasDistributions, TeacherCache } from "./cache/open-cache.js";
export { makeShardOfTask } from "./cache/shard-task.js";
export { describeUnscored } from "./cache/describe-unscored.js";
export { keyOf } from "./cache/pair-key.js";
export { removeUnscored } from "./cache/unscored-pairs.js";
export type { CacheReport, ShardMaker, ShardWork, UnscoredPair } from "./cache/teacher-cache.js";
export { graphFiles, importGraph } from "./graph/import-graph.js";
export { checkTeacher, type TeacherCheckReport } from "./check/check-teacher.js";
export { type Reference } from "./check/reference-file.js";
export { API_FILE, COMMAND_FILE, EXTENSION_FILE, isLabellerDirectory } from "./labeller-directory.js";
