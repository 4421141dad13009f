/** Loads one model in its own process, so that its memory and warm-up do not mix with other models'. */
import { ENTRY, startProcess } from "./child-process.js";
import type { OpenOptions } from "./local-model.js";
import type { TimedModel } from "./timed-model.js";

/**
 * Starts a process, loads the model and waits until it is ready.
 *
 * @param entry the child's file; differs from the default only if this package is bundled.
 * @throws SlmError whatever loading throws, with the same code; DEVICE_UNAVAILABLE if the process ends unexpectedly.
 */
export async function forkModel(options: OpenOptions, entry = ENTRY): Promise<TimedModel> {
  const { request, end } = startProcess(options.directory, entry);
  try {
    const { opened } = await request({ kind: "open", ...options }, "opened");
    return {
      opened,
      run: async (prompt, maxTokens) =>
        (await request({ kind: "run", prompt, maxTokens: maxTokens ?? null }, "ran")).sample,
      peakRssBytes: async () => (await request({ kind: "memory" }, "memory")).peakRssBytes,
      close: () => end(() => request({ kind: "close" }, "closed")),
    };
  } catch (error) {
    await end();
    throw error;
  }
}
