/** Translates the errors of execution providers into messages that a user can act on. */
import { messageOf } from "./ort-binding.js";

/** Error texts of libraries if something is missing from the machine, and what they mean. */
const KNOWN: readonly { readonly says: RegExp; readonly means: string }[] = [
  {
    says: /Failed to get a WebGPU adapter/,
    means:
      "finds no graphics adapter; it needs a GPU with its vendor's driver for Vulkan (Linux) or Direct3D 12 (Windows)",
  },
  {
    says: /dml_provider_factory|\bDXGI\b|D3D12|DirectML/i,
    means: "finds no graphics adapter; it needs a GPU with its vendor's driver for Direct3D 12",
  },
  {
    says: /AppendExecutionProvider_Cuda: Failed to load shared library/,
    means: "its libraries cannot be loaded; it needs an NVIDIA GPU with CUDA and cuDNN",
  },
];

/** Our own prefix of the message; the source location and failed condition in a library; the location in a library for Windows. */
const PREFIXES = [
  /^[\w-]+: cannot load graph '[^']*': /,
  /^\S+\.(?:cc|cpp|h):\d+ .*? was false\. /,
  /^[A-Z]:\\\S+\.(?:cc|cpp|h)\(\d+\)\\\S+: \(caller: \w+\) /,
];

/** The message in one line, without source locations. */
export function providerFailure(error: unknown): string {
  const line = messageOf(error).split("\n")[0] ?? "";
  const known = KNOWN.find(({ says }) => says.test(line));
  return known?.means ?? PREFIXES.reduce((text, prefix) => text.replace(prefix, ""), line).trim();
}
