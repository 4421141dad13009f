import { SlmError } from "@slm/core/errors";

/** Thrown when the work was done but a check failed: a gate, or an unsupported graph. It carries the result of the work. */
export class GateFailed extends SlmError {
  /** The same report as without the failure. */
  readonly result: object;

  constructor(message: string, result: object, suggestions: readonly string[] = []) {
    super("GATE_FAILED", message, { suggestions });
    this.result = result;
  }
}
