/** Loading graphs that are changed on the way, which a page does not. */
import { SlmError } from "@slm/core";
import type { Runtime, Session } from "@slm/runtime";

export const loadEdited = (): Promise<never> =>
  Promise.reject(new SlmError("OP_UNSUPPORTED", "prompt lookup does not run in a page"));

/** As it lies there: its tokens are picked from its logits. */
export const loadPicking = (runtime: Runtime, path: string, name: string): Promise<Session> =>
  runtime.load({ kind: "file", path }, { name });
