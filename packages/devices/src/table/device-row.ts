/** The columns of the table of devices, and the names that stand in them. */

/** Element types that weights, activations and caches can have. */
export const PRECISIONS = ["float32", "float16", "bfloat16"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Quantization schemes. What each is made of: `schemes` of `@slm/quantization`, where a name without a row does not compile. */
export const SCHEME_NAMES = [
  "cpu",
  "int8-dynamic",
  "int8-block",
  "int4-block",
  "int8-qdq",
  "a8w8",
  "a16w8",
  "a16w4",
] as const;
export type SchemeName = (typeof SCHEME_NAMES)[number];

/** What opens a device: the package and its function. */
export const RUNTIMES = {
  cpu: { package: "@slm/runtime-node", function: "createCpuRuntime" },
  gpu: { package: "@slm/runtime-node", function: "createGpuRuntime" },
  npu: { package: "@slm/runtime-node", function: "createNpuRuntime" },
  web: { package: "@slm/runtime-web", function: "createWebRuntime" },
} as const;
export type RuntimeName = keyof typeof RUNTIMES;

/** An execution provider by ONNX Runtime's name, with its options. */
export interface ProviderSettings {
  readonly name: string;
  readonly [option: string]: string | number | boolean;
}

/** What a result of a device is, on the machines that made this release. */
export const RESULTS = {
  measured: "ran and was timed on the device",
  wasm: "ran and was timed in a browser by WebAssembly; no WebGPU was at hand",
  fallback: "no such device was at hand: the CPU computes in its place, and every result says so",
  simulated:
    "no such device was at hand: the CPU runs the device's graphs, and every result says that it was simulated; times are not the device's",
} as const;

export interface DeviceRow {
  /** The device and the software, as people call them. */
  readonly title: string;
  /** The software in few words, for messages. */
  readonly label: string;
  readonly provider: ProviderSettings;
  /** What a machine must have, for messages. Null: nothing. */
  readonly needs: string | null;
  /** What opens its models, the usual one first. */
  readonly runtimes: readonly RuntimeName[];
  /** What computes the nodes that the provider has no kernel for. Null: the graph must be taken whole. */
  readonly rest: "cpu" | "wasm" | null;
  readonly results: keyof typeof RESULTS;
  /** True, or why a precision is rejected. */
  readonly precisions: Readonly<Record<Precision, true | string>>;
  readonly schemes: {
    readonly takes: readonly SchemeName[];
    /** What a user is told to try first. Null: it takes none. */
    readonly default: SchemeName | null;
    /** Why not the others. */
    readonly reason: string;
  };
  /** What is exported. dynamic: sizes are read when a graph runs. static: every size is a number; a set of graphs per source length. */
  readonly shapes: "dynamic" | "static";
  /** Whether the provider wants sizes that are numbers. required: an NPU compiles no others. advised: others cost time. */
  readonly staticShapes: "required" | "advised" | "free";
  /** Most axes of a tensor: above `rejected` every operator is rejected, above `advised` most are. */
  readonly maxRank: { readonly rejected: number; readonly advised: number };
}
