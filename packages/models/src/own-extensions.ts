/** The extension packages that are part of slm. Each is loaded when a command first needs it. */
import { useExtension, type Extension } from "@slm/extensions";

const used = new Set<string>();

async function use(load: () => Promise<{ readonly default: Extension }>): Promise<void> {
  const { default: extension } = await load();
  if (used.has(extension.name)) return;
  used.add(extension.name);
  useExtension(extension);
}

/** MLflow. */
export const useOwnTrackers = (): Promise<void> => use(() => import("@slm/extension-trackers"));

/** Models in GGUF and Marian format, and weights in PyTorch files. */
export async function useOwnImporters(): Promise<void> {
  await use(() => import("@slm/extension-marian"));
  await use(() => import("@slm/extension-gguf"));
  await use(() => import("@slm/extension-pytorch"));
}
