/** Finds the ONNX Runtime library that is part of onnxruntime-node. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { forbidRuntimeTelemetry, SlmError, REINSTALL } from "@slm/core";

/** Supported versions of ONNX Runtime. Their function tables match the header of that version or an earlier one. */
export const KNOWN_VERSIONS: readonly string[] = ["1.30.0"];

/** File name of the library by `process.platform`. */
const LIBRARY_NAMES: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: "libonnxruntime.so.1",
  darwin: `libonnxruntime.${KNOWN_VERSIONS[0]!}.dylib`,
  win32: "onnxruntime.dll",
};

/**
 * Path of ONNX Runtime's library for this machine. Also turns its telemetry off for this process.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if onnxruntime-node is not installed or has no library for this platform
 */
export function ortLibrary(): string {
  forbidRuntimeTelemetry();
  const name = LIBRARY_NAMES[process.platform];
  const machine = `${process.platform}-${process.arch}`;
  if (name === undefined) throw missing(`onnxruntime-node has no library for ${machine}`);
  let folder: string;
  try {
    folder = dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
  } catch (cause) {
    throw missing("cannot find onnxruntime-node", cause);
  }
  const path = join(folder, "bin", "napi-v6", process.platform, process.arch, name);
  if (!existsSync(path)) throw missing(`onnxruntime-node has no library for ${machine}: no file ${path}`);
  return path;
}

function missing(what: string, cause?: unknown): SlmError {
  return new SlmError("DEVICE_UNAVAILABLE", `runtime-native: ${what}`, { cause, suggestions: [REINSTALL] });
}
