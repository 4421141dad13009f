/** Translates the errors of execution providers into messages that a user can act on. */
import { messageOf } from "./ort-binding.js";

/** Error texts of libraries if something is missing from the machine, and what they mean. */
const KNOWN: readonly { readonly says: RegExp; readonly means: string }[] = [
  {
    says: /Failed to get a WebGPU adapter/,
    means: "finds no graphics adapter; on Linux it needs a GPU with a Vulkan driver",
  },
  {
    says: /AppendExecutionProvider_Cuda: Failed to load shared library/,
    means: "its libraries cannot be loaded; it needs an NVIDIA GPU with CUDA and cuDNN",
  },
];

/** Our own prefix of the message, and the source location and failed condition in a library. */
const PREFIXES = [/^[\w-]+: cannot load graph '[^']*': /, /^\S+\.(?:cc|cpp|h):\d+ .*? was false\. /];

/** The message in one line, without source locations. */
export function providerFailure(error: unknown): string {
  const line = messageOf(error).split("\n")[0] ?? "";
  const known = KNOWN.find(({ says }) => says.test(line));
  return known?.means ?? PREFIXES.reduce((text, prefix) => text.replace(prefix, ""), line);
}
