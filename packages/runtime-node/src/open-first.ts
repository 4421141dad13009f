/** Finds the first of several execution providers that works, and the reasons why the earlier ones do not. */
import { SlmError } from "@slm/core";
import { DEVICES, type ProfileName, type ProviderSettings, type Target } from "@slm/devices";
import { GraphBuilder, encodeModel } from "@slm/onnx";
import { type Fallback, type Runtime, createHostTensor } from "@slm/runtime";
import { loadBinding, type OrtBinding } from "./ort/ort-binding.js";
import { openOrtRuntime, type OrtRuntimeOptions } from "./ort-runtime.js";
import { providerFailure } from "./ort/provider-failure.js";
import { describeAdapter, tryWebgpu } from "./webgpu/webgpu-adapter.js";
import { rejectingUnsupported } from "./webgpu/webgpu-load.js";

const { name: WEBGPU } = DEVICES.gpu.webgpu.provider;

/** A provider as listed by ONNX Runtime's binary. */
export interface ListedProvider {
  readonly name: string;
  /** Whether its library is included in the package or must be installed separately. */
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
  /** The device as a user names it: "gpu:cuda". */
  readonly device: string;
  readonly target: Target;
  readonly profile: ProfileName;
  readonly provider: ProviderSettings;
  /** Requirement for the message if the provider is not listed: "an NVIDIA GPU". */
  readonly needs: string;
}

/**
 * Opens a device through the plug-in that the user has added for it, like `openPluginRuntime` of `@slm/runtime-native`; undefined if there is none.
 */
export type OpenPlugin = (request: {
  readonly target: Target;
  readonly profile: ProfileName;
  readonly threads?: number | undefined;
  /** Devices that were tried before, for the runtime's `device`. */
  readonly fallbacks: readonly Fallback[];
  /** Whether the device must compute every node. Default: on an NPU. */
  readonly whole?: boolean | undefined;
}) => Promise<Runtime | undefined>;

export interface OpenFirstOptions extends Omit<OrtRuntimeOptions, "providers" | "device"> {
  /** Whether a WebGPU adapter may be software that runs on the CPU. The runtime's `device` is then `simulated`. Default true. */
  readonly software?: boolean | undefined;
  /** Tried for each candidate before the provider of onnxruntime-node. Default: no plug-ins. */
  readonly plugin?: OpenPlugin | undefined;
}

export interface FirstFound {
  /** Absent if none of them works. */
  readonly runtime?: Runtime | undefined;
  /** Failed attempts before this candidate, or all attempts. */
  readonly fallbacks: readonly Fallback[];
}

/** One way to open a candidate: a working runtime, or why it does not work; undefined if this way does not exist here. */
type Attempt = (candidate: Candidate, tried: readonly Fallback[]) => Promise<Runtime | Fallback | undefined>;

/**
 * Opens the candidates in order until one computes a small matrix product correctly: each through its plug-in, if there is one, then through
 * onnxruntime-node. A listed provider may still lack its libraries, driver or device. WebGPU accepts graphs that it cannot compute; they are rejected
 * at load time ({@link rejectingUnsupported}).
 *
 * @throws SlmError DEVICE_UNAVAILABLE if ONNX Runtime cannot be loaded, USAGE for an invalid number of threads.
 */
export async function openFirst(
  candidates: readonly Candidate[],
  options: OpenFirstOptions,
  listed?: readonly ListedProvider[],
): Promise<FirstFound> {
  const known = listed ?? (await listProviders());
  const attempts: readonly Attempt[] = [byPlugin(options), byBinding(options, known)];
  const fallbacks: Fallback[] = [];
  for (const candidate of candidates)
    for (const attempt of attempts) {
      const found = await attempt(candidate, [...fallbacks]);
      if (found === undefined) continue;
      if (!("reason" in found)) return { runtime: found, fallbacks };
      fallbacks.push(found);
    }
  return { fallbacks };
}

function byPlugin({ plugin, threads, software = true }: OpenFirstOptions): Attempt {
  return async (candidate, fallbacks) => {
    const { target, profile } = candidate;
    const device = `${candidate.device} by plug-in`;
    try {
      const runtime = await plugin?.({ target, profile, threads, fallbacks });
      if (runtime === undefined) return undefined;
      if (!runtime.device.simulated || software) return await provenRuntime(runtime, candidate, device);
      await runtime.close();
      return { device, reason: softwareReason(runtime.device.description, candidate) };
    } catch (error) {
      return { device, reason: failureOf(error) };
    }
  };
}

function byBinding(options: OpenFirstOptions, known: readonly ListedProvider[]): Attempt {
  const { software = true } = options;
  return async (candidate, fallbacks) => {
    const { device, provider, needs } = candidate;
    if (!known.some(({ name }) => name === provider.name))
      return { device, reason: `not in this build of onnxruntime-node; needs ${needs}` };
    const { adapter, failure } = provider.name === WEBGPU ? await tryWebgpu(probeGraph()) : {};
    if (failure !== undefined) return { device, reason: providerFailure(failure) };
    if (adapter?.isSoftware === true && !software)
      return { device, reason: softwareReason(adapter.name, candidate) };
    const described = {
      provider: provider.name,
      description: adapter === undefined ? device : `${device} on ${describeAdapter(adapter)}`,
      simulated: adapter?.isSoftware === true,
      fallbacks,
    };
    const runtime = await openOrtRuntime({ ...options, providers: [provider], device: described });
    return provenRuntime(runtime, candidate, device);
  };
}

const softwareReason = (adapter: string, { device }: Candidate): string =>
  `its only adapter is software (${adapter}), slower than the CPU provider; pass --device ${device} to use it anyway`;

/** Returns the runtime if it works; otherwise closes it and returns the reason. @param device the way it was opened */
async function provenRuntime(
  opened: Runtime,
  { provider }: Candidate,
  device: string,
): Promise<Runtime | Fallback> {
  const isWebgpu = provider.name === WEBGPU;
  const runtime = isWebgpu ? rejectingUnsupported(opened) : opened;
  const reason = await whyNot(runtime, isWebgpu);
  if (reason === undefined) return runtime;
  await runtime.close();
  return { device, reason };
}

/** y = x · [3, 5] */
function probeGraph(): Uint8Array {
  const builder = new GraphBuilder("probe");
  const x = builder.input("x", "float32", [1, 2]);
  const weight = builder.initializer("w", "float32", [2, 1], Float32Array.of(3, 5));
  builder.output("y", builder.op("MatMul", [x, weight]), "float32", [1, 1]);
  return encodeModel(builder.build());
}

/**
 * Why a runtime cannot compute a small matrix product; undefined if it can.
 *
 * @param keepsSession whether the graph stays loaded. While a WebGPU session is open, the device keeps its compiled kernels. On SwiftShader, a
 * similar model then loads and answers in a tenth of the time.
 */
async function whyNot(runtime: Runtime, keepsSession: boolean): Promise<string | undefined> {
  try {
    const session = await runtime.load({ kind: "bytes", bytes: probeGraph() }, { name: "probe" });
    const feeds = { x: createHostTensor("float32", [1, 2], Float32Array.of(2, 7)) };
    const { fetched } = await session.run({ feeds, fetch: ["y"] });
    if (!keepsSession) await session.release();
    const value = Number(fetched["y"]!.data[0]);
    return value === 41 ? undefined : `computes 2 * 3 + 7 * 5 as ${value}`;
  } catch (error) {
    return failureOf(error);
  }
}

/** Why a device does not work. @throws SlmError USAGE for an invalid request, which fails on every device */
function failureOf(error: unknown): string {
  if (error instanceof SlmError && error.code === "USAGE") throw error;
  return providerFailure(error);
}
