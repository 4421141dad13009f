/** Loading graphs that are changed on the way, which a page does not. */
import { SlmError } from "@slm/core";
import type { Runtime, Session } from "@slm/runtime";

export const EDITS_GRAPHS = false;

export const loadEdited = (): Promise<never> =>
  Promise.reject(new SlmError("OP_UNSUPPORTED", "prompt lookup does not run in a page"));

/** As it lies there: its tokens are picked from its logits. */
export const loadPicking = (runtime: Runtime, path: string, name: string): Promise<Session> =>
  runtime.load({ kind: "file", path }, { name });

/** As it lies there: every step finds the tokens that may answer. */
export const loadListed = async (
  runtime: Runtime,
  path: string,
  name: string,
): Promise<{ readonly decoder: Session }> => ({ decoder: await loadPicking(runtime, path, name) });
