/** The execution provider that a native host opens, as plain values that can be sent to another process. */
export interface NativeProvider {
  /** Absolute path of the plug-in's library. */
  readonly library: string;
  /** Name to register the library under: the plug-in's name for its provider. */
  readonly registrationName: string;
  /**
   * Whether to list devices that the plug-in can compile for but that are not in this machine ("virtual devices"). ONNX
   * Runtime allows them for a registration name that ends with ".virtual".
   */
  readonly virtual?: boolean | undefined;
  /** Required metadata of the device: `{ npu_platform: "4000" }`. */
  readonly device?: Readonly<Record<string, string>> | undefined;
  /** Options of the provider, with the provider's names. */
  readonly options: Readonly<Record<string, string>>;
  /** Libraries to load before the plug-in's, in this order; absolute paths. */
  readonly preload?: readonly string[] | undefined;
  /** Name and version of the plug-in, as compiled forms record them: "qnn 2.7.0". */
  readonly plugin?: string | undefined;
  /** The simulated chip, or the chip to compile for; absent: the one in this machine. */
  readonly soc?: string | undefined;
}

/** A device that a plug-in lists. */
export interface ListedDevice {
  /** Name of the execution provider: "QNNExecutionProvider". */
  readonly provider: string;
  readonly kind: "cpu" | "gpu" | "npu" | "unknown";
  readonly vendor: string;
  readonly metadata: Readonly<Record<string, string>>;
}
