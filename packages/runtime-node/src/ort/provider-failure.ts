/** Why an execution provider does not work here, in words that a user can act on instead of a library's assertion. */
import { messageOf } from "./ort-binding.js";

/** What libraries say when something is missing from the machine, and what that means. */
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

/** Our own words before the message, and the place in a library's sources with the condition that did not hold. */
const PREFIXES = [/^[\w-]+: cannot load graph '[^']*': /, /^\S+\.(?:cc|cpp|h):\d+ .*? was false\. /];

/** One line without source locations. */
export function providerFailure(error: unknown): string {
  const line = messageOf(error).split("\n")[0] ?? "";
  const known = KNOWN.find(({ says }) => says.test(line));
  return known?.means ?? PREFIXES.reduce((text, prefix) => text.replace(prefix, ""), line);
}
