/**
 * The functions of ONNX Runtime's C interface that this package calls, with their index in `struct OrtApi` and their signature in koffi's notation.
 * The struct only grows at its end, so an index is valid for every later version.
 *
 * Source: onnxruntime_c_api.h of API version 26, counting the functions of `struct OrtApi`. `P` stands for a path
 * (`ORTCHAR_T *`: UTF-16 on Windows, UTF-8 elsewhere); every function that returns `status` returns NULL or an error.
 */

interface CFunction {
  /** Index in the struct. */
  readonly at: number;
  /** Return type and parameters. */
  readonly signature: string;
}

const status = (at: number, parameters: string): CFunction => ({ at, signature: `status f(${parameters})` });
const value = (at: number, signature: string): CFunction => ({ at, signature });
const release = (at: number): CFunction => ({ at, signature: "void f(void *)" });

/** Functions that report errors. The caller gets an exception. */
export const CHECKED = {
  CreateEnv: status(3, "int, str, _Out_ void **"),
  CreateSession: status(7, "void *, P, void *, _Out_ void **"),
  CreateSessionFromArray: status(8, "void *, void *, size_t, void *, _Out_ void **"),
  CreateSessionOptions: status(10, "_Out_ void **"),
  DisableMemPattern: status(17, "void *"),
  SetSessionLogSeverityLevel: status(22, "void *, int"),
  SetSessionGraphOptimizationLevel: status(23, "void *, int"),
  SetIntraOpNumThreads: status(24, "void *, int"),
  SetInterOpNumThreads: status(25, "void *, int"),
  SessionGetInputCount: status(30, "void *, _Out_ size_t *"),
  SessionGetOutputCount: status(31, "void *, _Out_ size_t *"),
  SessionGetInputTypeInfo: status(33, "void *, size_t, _Out_ void **"),
  SessionGetOutputTypeInfo: status(34, "void *, size_t, _Out_ void **"),
  SessionGetInputName: status(36, "void *, size_t, void *, _Out_ void **"),
  SessionGetOutputName: status(37, "void *, size_t, void *, _Out_ void **"),
  CreateRunOptions: status(39, "_Out_ void **"),
  CreateTensorAsOrtValue: status(48, "void *, int64_t *, size_t, int, _Out_ void **"),
  GetTensorMutableData: status(51, "void *, _Out_ void **"),
  CastTypeInfoToTensorInfo: status(55, "void *, _Out_ void **"),
  GetOnnxTypeFromTypeInfo: status(56, "void *, _Out_ int *"),
  GetTensorElementType: status(60, "void *, _Out_ int *"),
  GetDimensionsCount: status(61, "void *, _Out_ size_t *"),
  GetDimensions: status(62, "void *, _Out_ int64_t *, size_t"),
  GetSymbolicDimensions: status(63, "void *, _Out_ int64_t *, size_t"),
  GetTensorTypeAndShape: status(65, "void *, _Out_ void **"),
  CreateCpuMemoryInfo: status(69, "int, int, _Out_ void **"),
  AllocatorFree: status(76, "void *, void *"),
  GetAllocatorWithDefaultOptions: status(78, "_Out_ void **"),
  AddSessionConfigEntry: status(130, "void *, str, str"),
  CreateIoBinding: status(134, "void *, _Out_ void **"),
  BindInput: status(136, "void *, str, void *"),
  BindOutput: status(137, "void *, str, void *"),
  BindOutputToDevice: status(138, "void *, str, void *"),
  RunWithBinding: status(133, "void *, void *, void *"),
  GetBoundOutputValues: status(140, "void *, void *, _Out_ void **, _Out_ size_t *"),
  RegisterExecutionProviderLibrary: status(301, "void *, str, P"),
  GetEpDevices: status(303, "void *, _Out_ void **, _Out_ size_t *"),
  SessionOptionsAppendExecutionProvider_V2: status(
    304,
    "void *, void *, void **, size_t, str *, str *, size_t",
  ),
  GetTensorSizeInBytes: status(318, "void *, _Out_ size_t *"),
  GetSharedAllocator: status(376, "void *, void *, _Out_ void **"),
  GetModelCompatibilityForEpDevices: status(388, "void **, size_t, str, _Out_ int *"),
  GetCompatibilityInfoFromModel: status(404, "P, str, void *, _Out_ void **"),
  Session_GetEpGraphAssignmentInfo: status(407, "void *, _Out_ void **, _Out_ size_t *"),
  EpAssignedSubgraph_GetEpName: status(408, "void *, _Out_ void **"),
  EpAssignedSubgraph_GetNodes: status(409, "void *, _Out_ void **, _Out_ size_t *"),
  EpAssignedNode_GetName: status(410, "void *, _Out_ void **"),
  EpAssignedNode_GetOperatorType: status(412, "void *, _Out_ void **"),
  CopyTensors: status(386, "void *, void **, void **, void *, size_t"),
} as const satisfies Readonly<Record<string, CFunction>>;

/** Functions that cannot fail. */
export const PLAIN = {
  GetErrorMessage: value(2, "str f(void *)"),
  ReleaseEnv: release(92),
  ReleaseStatus: release(93),
  ReleaseSession: release(95),
  ReleaseValue: release(96),
  ReleaseRunOptions: release(97),
  ReleaseTypeInfo: release(98),
  ReleaseTensorTypeAndShapeInfo: release(99),
  ReleaseSessionOptions: release(100),
  ReleaseIoBinding: release(135),
  ClearBoundOutputs: release(142),
  GetKeyValuePairs: value(298, "void f(void *, _Out_ void **, _Out_ void **, _Out_ size_t *)"),
  HardwareDevice_Type: value(307, "int f(void *)"),
  HardwareDevice_Vendor: value(309, "str f(void *)"),
  EpDevice_EpName: value(312, "str f(void *)"),
  EpDevice_EpMetadata: value(314, "void *f(void *)"),
  EpDevice_Device: value(316, "void *f(void *)"),
  EpDevice_MemoryInfo: value(374, "void *f(void *, int)"),
} as const satisfies Readonly<Record<string, CFunction>>;
