/** Every error code and its process exit code. The only place where either is defined. */
export const ERROR_EXIT = {
  /** Wrong flags or arguments. */
  USAGE: 2,
  /** The command ran, but a quality, parity or support gate failed. */
  GATE_FAILED: 3,
  /** The next request to a paid service could exceed the budget of the recipe. What was paid for is kept. */
  BUDGET_EXCEEDED: 3,
  /** Input that is malformed, truncated or out of bounds. */
  DATA_INVALID: 65,
  /** Tensors whose shapes do not fit together. */
  SHAPE_MISMATCH: 65,
  /** A graph or program that needs something the target does not support. */
  OP_UNSUPPORTED: 65,
  /** A file or directory that should exist does not. */
  INPUT_MISSING: 66,
  /** A runtime, execution provider or optional engine that is not on this machine. */
  DEVICE_UNAVAILABLE: 69,
  /** A bug in slm: anything that is not an SlmError. */
  UNEXPECTED: 70,
  /** The disk is full, or a write failed. */
  OUTPUT_FAILED: 74,
  /** Another run holds the same directory. */
  BUSY: 75,
  /** A recipe or model configuration with wrong keys or values. */
  CONFIG_INVALID: 78,
  /** Stopped by a signal; the state on disk is valid and a rerun resumes. */
  INTERRUPTED: 130,
} as const;

/** Kinds of failures; each has an exit code of the command line. */
export type ErrorCode = keyof typeof ERROR_EXIT;

/** What a shell reports for a process ended by SIGINT. */
export const INTERRUPTED_EXIT = ERROR_EXIT.INTERRUPTED;
