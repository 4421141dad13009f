/**
 * Which adapter ONNX Runtime's WebGPU provider computes with: a GPU, or software that computes on the CPU.
 *
 * Neither onnxruntime-node 1.30 nor its provider tells. On Linux Dawn asks Vulkan for a device, and Vulkan's loader can say which
 * device and which driver that is (`VK_LOADER_DEBUG`; KhronosGroup/Vulkan-Loader, docs/LoaderDebugging.md). It says so on the standard
 * error of the process, so a process of its own opens the provider once more. A driver that ends it ends nothing else.
 */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { forbidRuntimeTelemetry } from "@slm/core";

export interface WebgpuAdapter {
  /** As its driver calls it: "NVIDIA GeForce RTX 4070", "SwiftShader Device (Subzero)". */
  readonly name: string;
  /** File of the Vulkan driver. */
  readonly driver: string;
  /** Whether the CPU computes. */
  readonly isSoftware: boolean;
}

/** Drivers that compute on the CPU, by the names of their files: Google's SwiftShader and Mesa's lavapipe. */
const SOFTWARE_DRIVERS = /libvk_swiftshader|libvulkan_lvp/;

/** Opening a driver takes a fraction of a second; one that takes longer than this is not waited for [ms]. */
const TIME_LIMIT_MS = 20_000;

/** Output of the loader is a few kilobytes; more is cut off [bytes]. */
const OUTPUT_LIMIT = 2 ** 22;

/** Reads onnxruntime-node's address and a graph, and opens the provider. Its standard output is why that failed, or nothing. */
const PROGRAM = `
const [address, graph] = process.argv.slice(1);
const { InferenceSession } = require(address);
const options = { executionProviders: ["webgpu"], logSeverityLevel: 4 };
InferenceSession.create(Buffer.from(graph, "base64"), options).catch(({ message }) => process.stdout.write(message));`;

/** What another process met when it opened the provider. */
export interface WebgpuTrial {
  /** The adapter that a session of this process gets; absent if this platform does not tell. */
  readonly adapter?: WebgpuAdapter | undefined;
  /** Why the provider cannot be opened; absent if it can, or if nothing is known. */
  readonly failure?: string | undefined;
}

/**
 * Opens the provider in a process of its own. Where that fails, this process need not try: Dawn would print its warnings on our
 * standard error.
 *
 * @param graph an ONNX file that the provider takes
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

/** For results: the adapter's name, and that it is software where it is. */
export function describeAdapter({ name, isSoftware }: WebgpuAdapter): string {
  return isSoftware ? `${name} (software adapter)` : name;
}
