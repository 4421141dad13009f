/** The adapter that a browser's WebGPU computes with: a GPU, or software on the CPU. */

export interface WebAdapter {
  /** Vendor and architecture, as far as the browser tells: "nvidia ada-lovelace", "google swiftshader". */
  readonly name: string;
  /** Whether the CPU computes: what WebGPU calls a fallback adapter. */
  readonly isSoftware: boolean;
  /** Whether it computes in float16. */
  readonly hasFloat16: boolean;
}

/** The part of WebGPU's interface that is read. Source: W3C WebGPU, GPUAdapter and GPUAdapterInfo. */
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

/** The adapter that ONNX Runtime gets, which asks the same way; undefined in a browser without WebGPU, or with no adapter for it. */
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

/** For results: the adapter's name, and that it is software where it is. */
export function describeWebAdapter({ name, isSoftware }: Pick<WebAdapter, "name" | "isSoftware">): string {
  return isSoftware ? `${name} (software adapter)` : name;
}
