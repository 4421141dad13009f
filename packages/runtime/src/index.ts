export { appendPositions, checkAppended } from "./append-positions.js";
export { PRESENT_KV, cacheWrites, type PresentKv } from "./present-kv.js";
export {
  checkRows,
  checkRun,
  checkWrite,
  checkedGraph,
  nextTensorId,
  unknownTensor,
  type CheckedGraph,
  type CheckedAppend,
  type GraphSignature,
  type ValueSignature,
} from "./check-run.js";
export { cpuFeatures, int8Arithmetic, type Int8Arithmetic } from "./cpu-features.js";
export { deviceNotes } from "./device-notes.js";
export {
  DTYPES,
  createHostTensor,
  elementCount,
  joinFloats,
  type DType,
  type HostData,
  type HostTensor,
} from "./host-tensor.js";
export { HostDrafter, type DraftsByRules, type HostDrafts } from "./host-drafts.js";
export { type CopyRule } from "./prompt-lookup.js";
export { RuleDrafter, RulePlaces, SETTLED, type RuleVisitor } from "./draft-rules.js";
export {
  CHANCE_PARTS,
  COPIED,
  draftRulesOf,
  ENTRY_KINDS,
  mixed,
  type DraftRule,
  type DraftRules,
  type EntryKind,
  type RuleKind,
} from "./rule-table.js";
export {
  ALIGNED_CONTEXTS,
  MOST_MOVES,
  moveKey,
  NOWHERE,
  pairKey,
  SourceAlignment,
} from "./source-alignment.js";
export { repeatRuns, runFeedback } from "./repeat-runs.js";
export { permuteRowsInPlace } from "./row-permutation.js";
export type {
  AppendRequest,
  CompiledForm,
  DeviceTensor,
  Fallback,
  GraphSource,
  LoadOptions,
  RepeatDrafts,
  RepeatRequest,
  RepeatedRun,
  RunRequest,
  RunResult,
  Runtime,
  RuntimeDevice,
  Session,
} from "./runtime.js";
export { fromBfloat16, toBfloat16 } from "./bfloat16.js";
export { fromHalf, fromHalves, toHalf } from "./float16.js";
export { withLoad } from "./with-load.js";
