/** Finds the first of several execution providers that works, and why those before it do not. */
import { SlmError } from "@slm/core";
import { DEVICES, type ProviderSettings } from "@slm/devices/table";
import { GraphBuilder, encodeModel } from "@slm/onnx";
import { type Fallback, type Runtime, createHostTensor } from "@slm/runtime";
import { loadBinding, messageOf, type OrtBinding } from "./ort-binding.js";
import { openOrtRuntime, type OrtRuntimeOptions } from "./ort-runtime.js";
import { describeAdapter, findWebgpuAdapter } from "./webgpu-adapter.js";
import { rejectingUncomputable } from "./webgpu-load.js";

const { name: WEBGPU } = DEVICES.gpu.webgpu.provider;

/** A provider as ONNX Runtime's binary lists it. */
export interface ListedProvider {
  readonly name: string;
  /** Whether its library comes with the package or has to be installed separately. */
  readonly bundled: boolean;
}

/** @throws SlmError DEVICE_UNAVAILABLE if ONNX Runtime cannot be loaded. */
export async function listProviders(
  bindingLoader: () => Promise<Pick<OrtBinding, "listSupportedBackends">> = loadBinding,
): Promise<readonly ListedProvider[]> {
  return (await bindingLoader()).listSupportedBackends();
}

/** A device to try. */
export interface Candidate {
  /** As a user names it: "gpu:cuda". */
  readonly device: string;
  readonly provider: ProviderSettings;
  /** What it needs, for the message if it is not listed: "an NVIDIA GPU". */
  readonly needs: string;
}

export interface OpenFirstOptions extends Omit<OrtRuntimeOptions, "providers" | "device"> {
  /** Whether an adapter of WebGPU may be software that computes on the CPU. Its device is then `simulated`. Default true. */
  readonly software?: boolean | undefined;
}

export interface FirstFound {
  /** Absent if none of them works. */
  readonly runtime?: Runtime | undefined;
  /** Candidates that failed before it, or all. */
  readonly fallbacks: readonly Fallback[];
}

/**
 * Opens the candidates in order until one computes a small matrix product correctly. That a provider is listed proves nothing: its
 * libraries, its driver or its device may still be missing. With WebGPU graphs that it takes and cannot compute are rejected when
 * they are loaded ({@link rejectingUncomputable}).
 *
 * @throws SlmError DEVICE_UNAVAILABLE if ONNX Runtime cannot be loaded, USAGE for an invalid number of threads.
 */
export async function openFirst(
  candidates: readonly Candidate[],
  { software = true, ...options }: OpenFirstOptions,
  listed?: readonly ListedProvider[],
): Promise<FirstFound> {
  const known = listed ?? (await listProviders());
  const fallbacks: Fallback[] = [];
  for (const { device, provider, needs } of candidates) {
    if (!known.some(({ name }) => name === provider.name)) {
      fallbacks.push({ device, reason: `not in this build of onnxruntime-node; needs ${needs}` });
      continue;
    }
    const adapter = provider.name === WEBGPU ? await findWebgpuAdapter(probeGraph()) : undefined;
    if (adapter?.isSoftware === true && !software) {
      const reason = `its only adapter is software (${adapter.name}), slower than the CPU provider; --device ${device} uses it all the same`;
      fallbacks.push({ device, reason });
      continue;
    }
    const described = {
      provider: provider.name,
      description: adapter === undefined ? device : `${device} on ${describeAdapter(adapter)}`,
      simulated: adapter?.isSoftware === true,
      fallbacks: [...fallbacks],
    };
    const opened = await openOrtRuntime({ ...options, providers: [provider], device: described });
    const runtime = provider.name === WEBGPU ? rejectingUncomputable(opened) : opened;
    const failure = await whyNot(runtime);
    if (failure === undefined) return { runtime, fallbacks };
    await runtime.close();
    fallbacks.push({ device, reason: failure });
  }
  return { fallbacks };
}

/** y = x · [3, 5] */
function probeGraph(): Uint8Array {
  const builder = new GraphBuilder("probe");
  const x = builder.input("x", "float32", [1, 2]);
  const weight = builder.initializer("w", "float32", [2, 1], Float32Array.of(3, 5));
  builder.output("y", builder.op("MatMul", [x, weight]), "float32", [1, 1]);
  return encodeModel(builder.build());
}

/** Why a runtime cannot compute a small matrix product; undefined if it can. */
async function whyNot(runtime: Runtime): Promise<string | undefined> {
  try {
    const session = await runtime.load({ kind: "bytes", bytes: probeGraph() }, { name: "probe" });
    const feeds = { x: createHostTensor("float32", [1, 2], Float32Array.of(2, 7)) };
    const { fetched } = await session.run({ feeds, fetch: ["y"] });
    await session.release();
    const value = Number(fetched["y"]!.data[0]);
    return value === 41 ? undefined : `computes 2 * 3 + 7 * 5 as ${value}`;
  } catch (error) {
    if (error instanceof SlmError && error.code === "USAGE") throw error;
    return firstLine(messageOf(error));
  }
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}
