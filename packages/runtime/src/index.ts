export { appendPositions, checkAppended } from "./tensors/append-positions.js";
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
} from "./tensors/host-tensor.js";
export { repeatRuns } from "./repeat-runs.js";
export { permuteRowsInPlace } from "./row-permutation.js";
export type {
  AppendRequest,
  CompiledForm,
  DeviceTensor,
  Fallback,
  GraphSource,
  LoadOptions,
  LoopBody,
  RepeatRequest,
  RepeatedRun,
  RunLoop,
  RunRequest,
  RunResult,
  Runtime,
  RuntimeDevice,
  Session,
} from "./runtime.js";
export { fromBfloat16, toBfloat16 } from "./tensors/bfloat16.js";
export { fromHalf, fromHalves, toHalf } from "./tensors/float16.js";
export { withLoad } from "./with-load.js";
