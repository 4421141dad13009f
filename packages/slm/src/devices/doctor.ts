/** Finds the engines, execution providers and plug-ins that work on this machine, and why others do not work. */
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import type { Int8Arithmetic } from "@slm/runtime";
import {
  GPU_CANDIDATES,
  NPU_CANDIDATES,
  createCpuRuntime,
  listProviders as listRuntimeProviders,
  openFirst,
  type Candidate,
  type ListedProvider,
} from "@slm/runtime-node";
import { GateFailed } from "@slm/core/errors";
import { examinePlugins, type PluginFindings } from "./examine-plugins.js";
import { pluginRow, withPluginHint } from "./plugin-row.js";

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
  /** Measured behaviour of the CPU's int8 matrix multiplication; null if ONNX Runtime cannot be loaded. */
  readonly int8: Int8Arithmetic | null;
  readonly engines: readonly Finding[];
  readonly providers: readonly ProviderFinding[];
  readonly plugins: PluginFindings;
}

/** A device that may run a model. */
export interface ProviderFinding extends Finding {
  /** As in `--device`. */
  readonly device: string;
}

/**
 * Examines this machine. Loads ONNX Runtime's binary, runs a small graph on every provider that it lists, and asks every plug-in for
 * its devices. A missing or broken engine or plug-in is a finding, not an error.
 *
 * @param options `check` compares the bytes of every plug-in's files with those that were unpacked
 * @throws GateFailed with the report if `check` finds a corrupt plug-in
 */
export async function examineMachine(options: { readonly check?: boolean } = {}): Promise<DoctorReport> {
  const report = await reportOf(options);
  const corrupt = report.plugins.installed.filter(({ state }) => state === "corrupt");
  if (options.check !== true || corrupt.length === 0) return report;
  throw new GateFailed(
    `doctor: corrupt plug-ins: ${corrupt.map(({ name }) => name).join(", ")}`,
    report,
    corrupt.map(({ name }) => `slm device remove ${name}, then add its package again`),
  );
}

async function reportOf(options: { readonly check?: boolean }): Promise<DoctorReport> {
  const listed = await listProviders();
  const plugins = await examinePlugins(undefined, options);
  return {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    int8: typeof listed === "string" ? null : await measureInt8(),
    engines: [
      engineFinding("onnx", "native speed, CPU", typeof listed === "string" ? listed : undefined),
      engineFinding("js", "plain JavaScript, for tests"),
      engineFinding("tensorflow", "libtensorflow", await loadFailure("@tensorflow/tfjs-node")),
    ],
    providers: await findProviders(listed, plugins),
    plugins,
  };
}

async function measureInt8(): Promise<Int8Arithmetic | null> {
  const runtime = await createCpuRuntime({ threads: 1, inThread: true });
  await runtime.close();
  return runtime.device.int8 ?? null;
}

async function findProviders(
  listed: readonly ListedProvider[] | string,
  plugins: PluginFindings,
): Promise<readonly ProviderFinding[]> {
  if (typeof listed === "string")
    return [{ name: "cpu", device: "cpu", available: false, reason: `ONNX Runtime ${listed}` }];
  return providerFindings(listed, [...GPU_CANDIDATES, ...NPU_CANDIDATES], async (candidate) => {
    if (candidate.target !== "npu") return tryCandidate(candidate, listed);
    return (
      (await pluginRow(candidate, plugins)) ??
      withPluginHint(await tryCandidate(candidate, listed), candidate, plugins)
    );
  });
}

/**
 * Whether a device can multiply matrices: a GPU with its plug-in or onnxruntime-node, an NPU with onnxruntime-node. NPU plug-ins are not
 * tested, because they would have to compile for a chip that the user did not choose.
 */
async function tryCandidate(
  candidate: Candidate,
  listed: readonly ListedProvider[],
): Promise<Omit<Finding, "name">> {
  const plugin =
    candidate.target === "npu" ? undefined : (await import("@slm/runtime-native")).openPluginRuntime; // Loads a native module.
  const { runtime, fallbacks } = await openFirst([candidate], { name: "doctor", threads: 1, plugin }, listed);
  await runtime?.close();
  if (runtime === undefined)
    return { available: false, reason: fallbacks.map(({ reason }) => reason).join("; ") };
  const { device } = candidate;
  const { description } = runtime.device;
  // The text after the device's name in "gpu:webgpu on SwiftShader Device"; with a plug-in, the plug-in's name.
  const where = description.startsWith(device) ? description.slice(device.length) : ` on ${description}`;
  return { available: true, reason: `computed a product${where}` };
}

/**
 * Lists the CPU, then other providers that slm can use, then the binary's remaining providers. A provider is available only if it ran
 * the graph.
 *
 * @param tryDevice returns whether a candidate works, and how this was found
 */
export async function providerFindings(
  listed: readonly ListedProvider[],
  candidates: readonly Candidate[],
  tryDevice: (candidate: Candidate) => Promise<Omit<Finding, "name">>,
): Promise<readonly ProviderFinding[]> {
  const findings: ProviderFinding[] = [];
  if (listed.some(({ name }) => name === "cpu"))
    findings.push({ name: "cpu", device: "cpu", available: true, reason: "part of ONNX Runtime" });
  for (const candidate of candidates) {
    const { device, provider } = candidate;
    findings.push({ name: provider.name, device, ...(await tryDevice(candidate)) });
  }
  const known = new Set(findings.map(({ name }) => name));
  for (const { name } of listed.filter((provider) => !known.has(provider.name)))
    findings.push({
      name,
      device: "none",
      available: false,
      reason: "included in the binary, not used by slm",
    });
  return findings;
}

function engineFinding(name: string, what: string, failure?: string): Finding {
  return {
    name,
    available: failure === undefined,
    reason: failure === undefined ? what : `${what}: ${failure}`,
  };
}

async function listProviders(): Promise<readonly ListedProvider[] | string> {
  try {
    return await listRuntimeProviders();
  } catch (error) {
    return firstLine(error);
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

/** The reason why a native package cannot be used; undefined if it loads. */
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
