/** Finds the first of several execution providers that works, and why those before it do not. */
import { SlmError } from "@slm/core";
import { DEVICES, type ProfileName, type ProviderSettings, type Target } from "@slm/devices/table";
import { GraphBuilder, encodeModel } from "@slm/onnx";
import { type Fallback, type Runtime, createHostTensor } from "@slm/runtime";
import { loadBinding, type OrtBinding } from "./ort/ort-binding.js";
import { openOrtRuntime, type OrtRuntimeOptions } from "./ort-runtime.js";
import { providerFailure } from "./ort/provider-failure.js";
import { describeAdapter, tryWebgpu } from "./webgpu/webgpu-adapter.js";
import { rejectingUnsupported } from "./webgpu/webgpu-load.js";

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
  readonly target: Target;
  readonly profile: ProfileName;
  readonly provider: ProviderSettings;
  /** What it needs, for the message if it is not listed: "an NVIDIA GPU". */
  readonly needs: string;
}

/**
 * Opens a device through the plug-in that the user has added for it, as `openPluginRuntime` of `@slm/runtime-native` does; undefined if
 * there is none.
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
  /** Whether an adapter of WebGPU may be software that computes on the CPU. Its device is then `simulated`. Default true. */
  readonly software?: boolean | undefined;
  /** Tried for each candidate before onnxruntime-node's own provider. Default: plug-ins are not used. */
  readonly plugin?: OpenPlugin | undefined;
}

export interface FirstFound {
  /** Absent if none of them works. */
  readonly runtime?: Runtime | undefined;
  /** Ways to open candidates that failed before it, or all. */
  readonly fallbacks: readonly Fallback[];
}

/** One way to open a candidate: a runtime that computes, or why it does not; undefined if there is no such way here. */
type Attempt = (candidate: Candidate, tried: readonly Fallback[]) => Promise<Runtime | Fallback | undefined>;

/**
 * Opens the candidates in order until one computes a small matrix product correctly: each through its plug-in, if there is one, then
 * through onnxruntime-node. That a provider is listed proves nothing: its libraries, its driver or its device may still be missing. With
 * WebGPU graphs that it takes and cannot compute are rejected when they are loaded ({@link rejectingUnsupported}).
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
  `its only adapter is software (${adapter}), slower than the CPU provider; --device ${device} uses it all the same`;

/** The runtime if it computes; otherwise it is closed, and the answer says why. @param device the way it was opened */
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
 * @param keepsSession whether the graph stays loaded. While a session of WebGPU's provider lives, the device lives and with it the
 * compiled kernels: on SwiftShader a model whose like was loaded before is ready and answers in a tenth of the time.
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

/** Why a device does not work. @throws SlmError USAGE: a wrong request is wrong for every device */
function failureOf(error: unknown): string {
  if (error instanceof SlmError && error.code === "USAGE") throw error;
  return providerFailure(error);
}
