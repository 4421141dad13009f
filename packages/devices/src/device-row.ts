/** The columns of the device table, and their possible values. */

/** Element types that weights, activations and caches can have. */
export const PRECISIONS = ["float32", "float16", "bfloat16"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Quantization schemes. `schemes` of `@slm/quantization` defines each. A name without a row there is a compile error. */
export const SCHEME_NAMES = [
  "int8",
  "cpu",
  "int8-dynamic",
  "int8-block",
  "int4-block",
  "int2-block",
  "int8-qdq",
  "a8w8",
  "a16w8",
  "a16w4",
] as const;
export type SchemeName = (typeof SCHEME_NAMES)[number];

/** Runtimes: the package and function that open a device. */
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

/** How this release was tested on a device. */
export const RESULTS = {
  measured: "tested and timed on the device",
  wasm: "tested and timed in a browser with WebAssembly; with WebGPU only tested on a software adapter, whose times do not represent a GPU",
  software:
    "tested on a software adapter, not on a GPU: the CPU computes, every result says so, and its times do not represent a GPU",
  fallback:
    "not tested, because no such device was available: the CPU computes instead, and every result says so",
  simulated:
    "not tested, because no such device was available: the vendor's simulator (qnn) or the CPU runs the device's graphs, every result says that it was simulated, and its times do not represent the device",
} as const;

export interface DeviceRow {
  /** Display name of the device and its software. */
  readonly title: string;
  /** Short name of the software, for messages. */
  readonly label: string;
  readonly provider: ProviderSettings;
  /** Requirements of the machine, for messages; for a plug-in the command that installs it. Null: none. */
  readonly needs: string | null;
  /** Runtimes that open its models, the default first. */
  readonly runtimes: readonly RuntimeName[];
  /** Where nodes without a kernel of the provider run. Null: the provider must support the whole graph. */
  readonly rest: "cpu" | "wasm" | null;
  readonly results: keyof typeof RESULTS;
  /** True, or the reason why a precision is not supported. */
  readonly precisions: Readonly<Record<Precision, true | string>>;
  readonly schemes: {
    readonly takes: readonly SchemeName[];
    /** Recommended scheme. Null: no scheme is supported. */
    readonly default: SchemeName | null;
    /** The reason for the choice of schemes. */
    readonly reason: string;
  };
  /**
   * Shapes of exported graphs. dynamic: sizes are known at run time. static: every size is fixed, with one set of graphs per source length.
   */
  readonly shapes: "dynamic" | "static";
  /** Maximum number of new positions per run for which fused attention over a cache is correct on every adapter. Null: any number. */
  readonly fusedPositions: number | null;
}
