/** All error codes and their exit codes. They are defined only here. */
export const ERROR_EXIT = {
  /** Wrong flags or arguments. */
  USAGE: 2,
  /** The command ran, but a quality, parity or support gate failed. */
  GATE_FAILED: 3,
  /** The next request to a paid service could exceed the recipe's budget. Answers that were paid for are kept. */
  BUDGET_EXCEEDED: 3,
  /** Input that is malformed, truncated or out of bounds. */
  DATA_INVALID: 65,
  /** Tensors with incompatible shapes. */
  SHAPE_MISMATCH: 65,
  /** A graph or program that needs a feature that the target does not support. */
  OP_UNSUPPORTED: 65,
  /** A file or directory that should exist does not. */
  INPUT_MISSING: 66,
  /** A runtime, execution provider or optional engine that is not installed on this machine. */
  DEVICE_UNAVAILABLE: 69,
  /** A bug in slm: anything that is not an SlmError. */
  UNEXPECTED: 70,
  /** The disk is full, or a write failed. */
  OUTPUT_FAILED: 74,
  /** Another run uses the same directory. */
  BUSY: 75,
  /** A recipe or model configuration with wrong keys or values. */
  CONFIG_INVALID: 78,
  /** Stopped by a signal. The state on disk is valid, and the same command resumes. */
  INTERRUPTED: 130,
} as const;

/** Kinds of failures. Each has an exit code. */
export type ErrorCode = keyof typeof ERROR_EXIT;

/** The exit code of a process that SIGINT ended, as a shell reports it. */
export const INTERRUPTED_EXIT = ERROR_EXIT.INTERRUPTED;
