/** The columns of the table of devices, and their possible values. */

/** Element types that weights, activations and caches can have. */
export const PRECISIONS = ["float32", "float16", "bfloat16"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Quantization schemes. `schemes` of `@slm/quantization` defines each; a name without a row there does not compile. */
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

/** How results of a device were obtained for this release. */
export const RESULTS = {
  measured: "ran and was timed on the device",
  wasm: "ran and was timed in a browser with WebAssembly; with WebGPU it ran on a software adapter, whose times are no GPU's",
  software:
    "ran on a software adapter and on no GPU: the CPU computes, every result says so, and its times are no GPU's",
  fallback: "no such device was available: the CPU computes instead, and every result says so",
  simulated:
    "no such device was available: the vendor's simulator (qnn) or the CPU runs the device's graphs, and every result says that it was simulated; times are not those of the device",
} as const;

export interface DeviceRow {
  /** Display name of the device and its software. */
  readonly title: string;
  /** Short name of the software, for messages. */
  readonly label: string;
  readonly provider: ProviderSettings;
  /** Requirements of the machine, for messages; of a plug-in the command that says how it is obtained. Null: none. */
  readonly needs: string | null;
  /** Runtimes that open its models, the default first. */
  readonly runtimes: readonly RuntimeName[];
  /** Where nodes run for which the provider has no kernel. Null: the provider must support the whole graph. */
  readonly rest: "cpu" | "wasm" | null;
  readonly results: keyof typeof RESULTS;
  /** True, or the reason why a precision is rejected. */
  readonly precisions: Readonly<Record<Precision, true | string>>;
  readonly schemes: {
    readonly takes: readonly SchemeName[];
    /** Recommended scheme. Null: it supports none. */
    readonly default: SchemeName | null;
    /** The reason for the choice of schemes. */
    readonly reason: string;
  };
  /** Shapes of exported graphs. dynamic: sizes are known at run time. static: every size is fixed; one set of graphs per source length. */
  readonly shapes: "dynamic" | "static";
  /** Whether the provider needs static shapes. required: an NPU compiles no others. advised: dynamic ones are slower. */
  readonly staticShapes: "required" | "advised" | "free";
  /** Most new positions of a run that fused attention over a cache computes right on every adapter. Null: any number. */
  readonly fusedPositions: number | null;
  /** Most axes of a tensor: above `rejected` no operator is supported, above `advised` only few are. */
  readonly maxRank: { readonly rejected: number; readonly advised: number };
}
