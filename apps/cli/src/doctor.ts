/** What this machine can compute with, and why not with the rest. */
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";

export interface Finding {
  readonly name: string;
  readonly available: boolean;
  readonly reason: string;
}

export interface DoctorReport {
  readonly node: string;
  readonly platform: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly engines: readonly Finding[];
  readonly providers: readonly Finding[];
}

/** A provider as ONNX Runtime's binary lists it. */
export interface ListedProvider {
  readonly name: string;
  /** Whether its library came with the package, or has to be installed beside it. */
  readonly bundled: boolean;
}

/** Providers of ONNX Runtime that slm knows of, where each exists, and what it needs. */
const KNOWN_PROVIDERS: readonly {
  readonly name: string;
  readonly platforms: readonly string[];
  readonly needs: string;
}[] = [
  { name: "cpu", platforms: ["linux", "darwin", "win32"], needs: "" },
  { name: "cuda", platforms: ["linux", "win32"], needs: "an NVIDIA GPU, CUDA 12 and cuDNN 9" },
  { name: "tensorrt", platforms: ["linux", "win32"], needs: "an NVIDIA GPU and TensorRT" },
  {
    name: "webgpu",
    platforms: ["linux", "darwin", "win32"],
    needs: "a GPU with Vulkan, Metal or Direct3D 12",
  },
  { name: "coreml", platforms: ["darwin"], needs: "macOS" },
  { name: "dml", platforms: ["win32"], needs: "Windows and a DirectX 12 device" },
  { name: "qnn", platforms: ["win32"], needs: "Windows on a Qualcomm NPU" },
  {
    name: "openvino",
    platforms: [],
    needs: "a build of ONNX Runtime with OpenVINO, which npm does not have",
  },
  { name: "vitisai", platforms: [], needs: "a build of ONNX Runtime with Vitis AI, which npm does not have" },
];

/** Examines this machine. Loads ONNX Runtime's binary to ask it; a missing or broken engine is a finding, no error. */
export async function examineMachine(): Promise<DoctorReport> {
  const listed = await listProviders();
  return {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    engines: [
      engineFinding("onnx", "native speed, CPU", typeof listed === "string" ? listed : undefined),
      engineFinding("js", "plain JavaScript, for tests", missingPackage("@tensorflow/tfjs")),
      engineFinding("tensorflow", "libtensorflow", await loadFailure("@tensorflow/tfjs-node")),
    ],
    providers: providerFindings(typeof listed === "string" ? [] : listed, process.platform),
  };
}

/**
 * Known providers, then unknown ones the binary lists. A bundled provider that needs a device is not claimed to be
 * available: only running a graph on it shows that, so the reason says what is known.
 */
export function providerFindings(listed: readonly ListedProvider[], platform: string): readonly Finding[] {
  const known = KNOWN_PROVIDERS.map(({ name, platforms, needs }): Finding => {
    const found = listed.find((candidate) => candidate.name === name);
    if (name === "cpu" && found !== undefined)
      return { name, available: true, reason: "part of ONNX Runtime" };
    if (found?.bundled === true)
      return {
        name,
        available: false,
        reason: `in the binary; slm runs no graphs on it yet; needs ${needs}`,
      };
    if (found !== undefined)
      return { name, available: false, reason: `library not installed; needs ${needs}` };
    if (name === "cpu") return { name, available: false, reason: "ONNX Runtime cannot be loaded" };
    if (platforms.length === 0) return { name, available: false, reason: `needs ${needs}` };
    const where = platforms.includes(platform) ? "not listed by ONNX Runtime" : `not on ${platform}`;
    return { name, available: false, reason: `${where}; needs ${needs}` };
  });
  const unknown = listed
    .filter(({ name }) => !KNOWN_PROVIDERS.some((candidate) => candidate.name === name))
    .map(({ name }): Finding => ({ name, available: false, reason: "listed by the binary, unknown to slm" }));
  return [...known, ...unknown];
}

function engineFinding(name: string, what: string, failure: string | undefined): Finding {
  return {
    name,
    available: failure === undefined,
    reason: failure === undefined ? what : `${what}: ${failure}`,
  };
}

async function listProviders(): Promise<readonly ListedProvider[] | string> {
  try {
    const { listSupportedBackends } = await import("onnxruntime-node");
    return listSupportedBackends();
  } catch (error) {
    return `cannot be loaded: ${firstLine(error)}`;
  }
}

function missingPackage(name: string): string | undefined {
  try {
    createRequire(import.meta.url).resolve(name);
    return undefined;
  } catch {
    return `not installed (npm install ${name})`;
  }
}

/** Why a native package cannot be used; undefined if it loads. */
async function loadFailure(name: string): Promise<string | undefined> {
  const missing = missingPackage(name);
  if (missing !== undefined) return missing;
  try {
    await import(name);
    return undefined;
  } catch (error) {
    return `installed but does not load: ${firstLine(error)}`;
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
