/** The adapter that a browser's WebGPU computes with: a GPU, or software on the CPU. */

export interface WebAdapter {
  /** Vendor and architecture, if the browser reports them: "nvidia ada-lovelace", "google swiftshader". */
  readonly name: string;
  /** Whether the CPU computes, which WebGPU calls a fallback adapter. */
  readonly isSoftware: boolean;
  /** Whether the adapter supports float16. */
  readonly hasFloat16: boolean;
}

/** The part of WebGPU's interface that is used here. Source: W3C WebGPU, GPUAdapter and GPUAdapterInfo. */
interface GpuAdapter {
  readonly info: {
    readonly vendor: string;
    readonly architecture: string;
    readonly description: string;
    readonly isFallbackAdapter?: boolean;
  };
  readonly features: ReadonlySet<string>;
}

interface WithGpu {
  readonly gpu?: { requestAdapter(): Promise<GpuAdapter | null> };
}

/** The adapter that ONNX Runtime will get, because it sends the same request; undefined if the browser has no WebGPU or no adapter. */
export async function findWebAdapter({ gpu }: WithGpu = navigator): Promise<WebAdapter | undefined> {
  const adapter = await gpu?.requestAdapter().catch(() => null);
  if (adapter == null) return undefined;
  const { vendor, architecture, description, isFallbackAdapter = false } = adapter.info;
  const told = description === "" ? [vendor, architecture] : [description];
  return {
    name: told.filter((part) => part !== "").join(" ") || "an adapter without a name",
    isSoftware: isFallbackAdapter,
    hasFloat16: adapter.features.has("shader-f16"),
  };
}

/** For results: the adapter's name, marked if it is software. */
export function describeWebAdapter({ name, isSoftware }: Pick<WebAdapter, "name" | "isSoftware">): string {
  return isSoftware ? `${name} (software adapter)` : name;
}
