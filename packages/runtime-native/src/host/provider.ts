/** The execution provider that a native host opens, as plain values that reach another process. */
export interface NativeProvider {
  /** Absolute path of the plug-in's library. */
  readonly library: string;
  /** Name under which the library is registered; the plug-in's own name of its provider. */
  readonly registrationName: string;
  /**
   * Whether to ask the plug-in for devices that it compiles for although they are not in this machine ("virtual devices"). ONNX
   * Runtime allows them for a registration name that ends with ".virtual".
   */
  readonly virtual?: boolean | undefined;
  /** Metadata that the device must have: `{ npu_platform: "4000" }`. */
  readonly device?: Readonly<Record<string, string>> | undefined;
  /** Options of the provider, by its own names. */
  readonly options: Readonly<Record<string, string>>;
  /** Libraries to load before the plug-in's, in this order; absolute paths. */
  readonly preload?: readonly string[] | undefined;
  /** Name and version of the plug-in, as compiled forms record them: "qnn 2.7.0". */
  readonly plugin?: string | undefined;
  /** The chip that is simulated or compiled for; absent: the one in this machine. */
  readonly soc?: string | undefined;
}

/** A device as a plug-in lists it. */
export interface ListedDevice {
  /** Name of the execution provider: "QNNExecutionProvider". */
  readonly provider: string;
  readonly kind: "cpu" | "gpu" | "npu" | "unknown";
  readonly vendor: string;
  readonly metadata: Readonly<Record<string, string>>;
}
