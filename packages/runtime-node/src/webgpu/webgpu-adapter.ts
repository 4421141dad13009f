/**
 * Finds the adapter of ONNX Runtime's WebGPU provider: a GPU, or software on the CPU.
 *
 * Neither onnxruntime-node 1.30 nor its provider reports it. On Linux, Dawn requests a device from Vulkan, and Vulkan's loader can print the device
 * and its driver (`VK_LOADER_DEBUG`; KhronosGroup/Vulkan-Loader, docs/LoaderDebugging.md). It prints to standard error, so a child process opens the
 * provider. If a driver crashes, only the child process ends.
 */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { forbidRuntimeTelemetry } from "@slm/core";

export interface WebgpuAdapter {
  /** Name that the driver reports: "NVIDIA GeForce RTX 4070", "SwiftShader Device (Subzero)". */
  readonly name: string;
  /** File of the Vulkan driver. */
  readonly driver: string;
  /** Whether the CPU computes. */
  readonly isSoftware: boolean;
}

/** File names of drivers that compute on the CPU: Google's SwiftShader and Mesa's lavapipe. */
const SOFTWARE_DRIVERS = /libvk_swiftshader|libvulkan_lvp/;

/** Timeout for opening a driver, which normally takes a fraction of a second [ms]. */
const TIME_LIMIT_MS = 20_000;

/** Maximum size of the loader's output, which is normally a few kilobytes [bytes]. */
const OUTPUT_LIMIT = 2 ** 22;

/** Reads onnxruntime-node's address and a graph, and opens the provider. Prints the reason if that fails. */
const PROGRAM = `
const [address, graph] = process.argv.slice(1);
const { InferenceSession } = require(address);
const options = { executionProviders: ["webgpu"], logSeverityLevel: 4 };
InferenceSession.create(Buffer.from(graph, "base64"), options).catch(({ message }) => process.stdout.write(message));`;

/** The result of opening the provider in another process. */
export interface WebgpuTrial {
  /** The adapter that a session of this process gets; absent if the platform does not report it. */
  readonly adapter?: WebgpuAdapter | undefined;
  /** Why the provider cannot be opened; absent if it can, or if nothing is known. */
  readonly failure?: string | undefined;
}

/**
 * Opens the provider in a child process. If that fails, this process does not try, because Dawn would print warnings to our standard error.
 *
 * @param graph an ONNX file that the provider supports
 */
export async function tryWebgpu(graph: Uint8Array): Promise<WebgpuTrial> {
  if (process.platform !== "linux") return {};
  forbidRuntimeTelemetry();
  const address = createRequire(import.meta.url).resolve("onnxruntime-node");
  const argv = ["--eval", PROGRAM, address, Buffer.from(graph).toString("base64")];
  const env = { ...process.env, VK_LOADER_DEBUG: "layer,driver" };
  const options = { env, timeout: TIME_LIMIT_MS, maxBuffer: OUTPUT_LIMIT };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, argv, options).catch(
    (error: unknown) => ({
      stdout: "",
      stderr: error instanceof Error && "stderr" in error ? String(error.stderr) : "",
    }),
  );
  return { adapter: parseLoaderOutput(stderr), failure: stdout === "" ? undefined : stdout };
}

/** The last device that the loader reports as created: `Using "NAME" with driver: "FILE"`. */
export function parseLoaderOutput(text: string): WebgpuAdapter | undefined {
  const found = [...text.matchAll(/Using "([^"\n]+)" with driver: "([^"\n]+)"/g)].at(-1);
  if (found === undefined) return undefined;
  const [, name = "", driver = ""] = found;
  return { name, driver, isSoftware: SOFTWARE_DRIVERS.test(driver) };
}

/** For results: the adapter's name, marked if it is software. */
export function describeAdapter({ name, isSoftware }: WebgpuAdapter): string {
  return isSoftware ? `${name} (software adapter)` : name;
}
