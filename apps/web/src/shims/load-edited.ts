/** Loading a graph that is changed on the way: not in a page, which never asks for guesses. */
import { SlmError } from "@slm/error";

export const loadEdited = (): Promise<never> =>
  Promise.reject(new SlmError("OP_UNSUPPORTED", "a page does not guess tokens by copying"));
