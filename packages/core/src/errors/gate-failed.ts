import { SlmError } from "./slm-error.js";

/** Thrown if the work was done but a check failed, such as a gate or the support of a graph. It contains the result of the work. */
export class GateFailed extends SlmError {
  /** The report that a successful call returns. */
  readonly result: object;

  constructor(message: string, result: object, suggestions: readonly string[] = []) {
    super("GATE_FAILED", message, { suggestions });
    this.result = result;
  }
}
