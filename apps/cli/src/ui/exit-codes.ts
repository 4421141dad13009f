/** The meaning of each exit code, for help and reference docs. */
import { ERROR_EXIT, type ErrorCode } from "@slm/core/errors";

/** One row per error code, checked by the compiler. */
const ERROR_MEANING: { readonly [Code in ErrorCode]: string } = {
  USAGE: "wrong flags or arguments",
  GATE_FAILED: "the command ran, but its check failed: a gate, or a file that does not match",
  BUDGET_EXCEEDED: "the next request to a paid service could exceed the budget; answers so far are kept",
  DATA_INVALID: "an input is malformed, truncated or out of bounds",
  SHAPE_MISMATCH: "tensors or vocabularies do not fit together",
  OP_UNSUPPORTED: "a graph needs an operator or feature that its target does not support",
  INPUT_MISSING: "a file or directory does not exist",
  DEVICE_UNAVAILABLE: "a runtime, provider or optional engine is not available on this machine",
  UNEXPECTED: "a bug in slm",
  OUTPUT_FAILED: "the disk is full or cannot be written",
  BUSY: "another run uses the same directory",
  CONFIG_INVALID: "a recipe or model configuration has wrong keys or values",
  INTERRUPTED: "stopped by a signal; the state on disk is valid and a rerun resumes",
};

export interface ExitCodeRow {
  readonly exit: number;
  readonly code: string;
  readonly meaning: string;
}

/** All exit codes, in ascending order. Success is the row without an error code. */
export function exitCodeTable(): readonly ExitCodeRow[] {
  const errors = Object.entries(ERROR_MEANING).map(([code, meaning]) => ({
    exit: ERROR_EXIT[code as ErrorCode],
    code,
    meaning,
  }));
  return [{ exit: 0, code: "", meaning: "done" }, ...errors.sort((a, b) => a.exit - b.exit)];
}
