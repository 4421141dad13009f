/** Replaces the loading of edited graphs. A page loads graphs unchanged. */
import { SlmError } from "@slm/core";
import type { Runtime, Session } from "@slm/runtime";

export const loadEdited = (): Promise<never> =>
  Promise.reject(new SlmError("OP_UNSUPPORTED", "a browser loads graphs unchanged"));

/** Loads the decoder unchanged. Tokens are selected from its logits. */
export const loadPicking = (runtime: Runtime, path: string, name: string): Promise<Session> =>
  runtime.load({ kind: "file", path }, { name });

/** Loads the decoder unchanged. Every step finds the allowed tokens. */
export const loadListed = async (
  runtime: Runtime,
  path: string,
  name: string,
): Promise<{ readonly decoder: Session }> => ({ decoder: await loadPicking(runtime, path, name) });
