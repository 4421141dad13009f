export {
  DTYPES,
  createHostTensor,
  elementCount,
  type DType,
  type HostData,
  type HostTensor,
} from "./host-tensor.js";
export type {
  DeviceTensor,
  GraphSource,
  LoadOptions,
  RunRequest,
  RunResult,
  Runtime,
  RuntimeDevice,
  Session,
} from "./runtime.js";
