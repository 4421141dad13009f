/** Opens the portable form of a bundle in WebAssembly. */
import { openPortableModel } from "@slm/inference/portable";
import type { OpenModel } from "./open-bundle.js";

/** The module with the kernels, which all models share. */
const KERNELS_FILE = "kernels.wasm";

export const openPortable: OpenModel = async (
  directory,
  { runtime, signal, reason, downloading, closes },
) => {
  const module = await loadKernels(runtime, signal);
  await downloading;
  return openPortableModel(directory, { module, reason, closes });
};

async function loadKernels(runtime: URL, signal: AbortSignal | undefined): Promise<WebAssembly.Module> {
  const response = await fetch(new URL(KERNELS_FILE, runtime).href, { signal: signal ?? null });
  if (!response.ok) throw new Error(`${KERNELS_FILE}: the server answered ${response.status}`);
  return WebAssembly.compile(await response.arrayBuffer());
}
