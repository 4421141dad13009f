/** Our own extension packages. Each is loaded when a command first needs one of its rows. */
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
