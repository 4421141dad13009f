export {
  TEACHER_PRECISIONS,
  teacherConfig,
  trainedTeacher,
  type TeacherConfig,
  type TeacherMemberConfig,
  type TeacherPrecision,
  type TrainedTeacherConfig,
} from "./teacher-config.js";
export { applyPrompt, promptText } from "./apply-prompt.js";
export { finetuneConfig, type FinetuneConfig } from "./finetune-config.js";
export { finetuneTeacher, type FinetuneInputs, type FinetuneReport } from "./finetune-teacher.js";
export { promptConfig, type PromptConfig } from "./prompt-config.js";
export { teacherObjective } from "./teacher-objective.js";
export { trainTeacher, type TeacherInputs, type TeacherReport } from "./train-teacher.js";
export type { ScoredPair, ScoreShape, Teacher, TeacherLimits } from "./teacher.js";
export {
  GRAPH_FILE,
  GRAPH_FOLDER,
  readGraphFile,
  writeGraphFile,
  type GraphTeacherFile,
} from "./graph/graph-file.js";
export { loadDecoder, readDecoderSignature, textLogits } from "./graph/load-graph.js";
export type { LoadedDecoder } from "./graph/decoder-run.js";
export type { DecoderSignature } from "./graph/decoder-signature.js";
export { loadTeacher } from "./teacher-scorer.js";
export { joinTeachers } from "./ensemble.js";
export {
  loadTeachers,
  MAX_MEMBERS,
  readTeacherConfigs,
  teacherTokenizer,
  writeEnsemble,
  type TeacherMember,
} from "./teacher-directory.js";
export { cacheConfig, type CacheConfig } from "./cache-config.js";
export { CACHE_ROWS, readCacheRows, type CacheRowKind, type TeacherRow } from "./cache-rows.js";
export { cacheTeacher, type CacheInputs, type CacheStageReport } from "./cache-teacher.js";
export { decodeSources, type DecodeRequest } from "./decode-sources.js";
export type { LabelCounts } from "./label-sources.js";
export { buildTeacherCache } from "./cache/build-cache.js";
export { openTeacherCache } from "./cache/open-cache.js";
export type {
  CacheBuild,
  CacheReport,
  CacheSummary,
  TeacherCache,
  Truncation,
} from "./cache/teacher-cache.js";
export {
  findGraph,
  graphFiles,
  importGraph,
  type FoundGraph,
  type ImportedGraph,
  type ImportGraphOptions,
} from "./graph/import-graph.js";
export { checkTeacher, type TeacherCheckOptions, type TeacherCheckReport } from "./check/check-teacher.js";
export type { Agreement } from "./check/compare-positions.js";
export { readReference, type Reference, type ReferencePosition } from "./check/reference-file.js";
