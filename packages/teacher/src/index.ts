export {
  teacherConfig,
  type TeacherConfig,
  type TeacherMemberConfig,
  type TeacherPrecision,
} from "./teacher-config.js";
export { applyPrompt, exampleRows, promptText } from "./apply-prompt.js";
export { finetuneTeacher, type FinetuneReport } from "./finetune-teacher.js";
export { teacherObjective } from "./teacher-objective.js";
export { trainTeacher } from "./train-teacher.js";
export type { ScoredPair, ScoreShape, Teacher, TeacherLimits } from "./teacher.js";
export { GRAPH_FOLDER, writeGraphFile } from "./graph/graph-file.js";
export { loadDecoder, textLogits } from "./graph/load-graph.js";
export { loadTeacher } from "./teacher-scorer.js";
export {
  loadTeachers,
  otherThanCheckpoint,
  readTeacherConfigs,
  teacherTokenizer,
  writeEnsemble,
} from "./teacher-directory.js";
export { cacheConfig, type CacheConfig } from "./cache-config.js";
export {
  CACHE_ROWS,
  cacheRowKinds,
  readCacheRows,
  scoredRowFilter,
  type CacheRowKind,
  type TeacherRow,
} from "./cache-rows.js";
export { cacheTeacher, type CacheInputs, type CacheStageReport } from "./cache-teacher.js";
export type { BlockMaker } from "./label-sources.js";
export { BlockLabeller, encodeBlockTask } from "./labelling/block-labeller.js";
export { encodeRoundTask, RoundWriter } from "./labelling/round-writer.js";
export type { WritingMaker } from "./labelling/write-sources.js";
export { sharedAnswers, type ApiSharing, type RequestBudget, type RequestPace } from "./api/api-sharing.js";
export { budgetExceeded, priceOf } from "./api/budget.js";
export { decodeSources } from "./decode-sources.js";
export { buildTeacherCache } from "./cache/build-cache.js";
export { hasDistributions, openTeacherCache } from "./cache/open-cache.js";
export { makeShardOfTask } from "./cache/shard-task.js";
export type { ShardMaker, ShardWork, TeacherCache, UnscoredPair } from "./cache/teacher-cache.js";
export { graphFiles, importGraph } from "./graph/import-graph.js";
export { checkTeacher, type TeacherCheckReport } from "./check/check-teacher.js";
export { type Reference } from "./check/reference-file.js";
export { estimateAnswers, estimateBasis } from "./api/estimate.js";
export { apiFileOf, writeApiFile, type ApiFile } from "./api/api-file.js";
export type { ApiTeacherConfig } from "./api/api-config.js";
export type { CommandTeacherConfig } from "./command/command-config.js";
export { writeCommandFile } from "./command/command-file.js";
export { isLabellerDirectory } from "./labeller-directory.js";
export { labelsOnlyTeacher } from "./labels-only-teacher.js";
export { openLabeller } from "./open-labeller.js";
export type { LabelAnswer, Labeller, LabelRequestOptions } from "./labeller.js";
export { labellingVolume } from "./labelling/labelling-volume.js";
