/** Lists active runs. A run writes a file into shared storage, and its folder is removed when it ends. */
import type { DirectoryStore } from "../storage/directory-store.js";

const openKey = (run: string): string => `${run}/open.json`;

/** Marks a run as active. @throws SlmError OUTPUT_FAILED */
export async function openRun(store: DirectoryStore, run: string, title: string): Promise<void> {
  const key = openKey(run);
  if (!(await store.has(key))) await store.put(key, Buffer.from(`${JSON.stringify({ title })}\n`));
}

export function isOpenRun(store: DirectoryStore, run: string): Promise<boolean> {
  return store.has(openKey(run));
}
