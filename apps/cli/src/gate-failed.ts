import { SlmError } from "@slm/core/errors";

/** Work that was done and whose answer is no: a gate failed, a graph is unsupported. It has a result and fails all the same. */
export class GateFailed extends SlmError {
  /** What the work found: the same report that it gives when the answer is yes. */
  readonly result: object;

  constructor(message: string, result: object, suggestions: readonly string[] = []) {
    super("GATE_FAILED", message, { suggestions });
    this.result = result;
  }
}
