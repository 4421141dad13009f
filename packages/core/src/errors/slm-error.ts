import { ERROR_EXIT, type ErrorCode } from "./codes.js";

export interface SlmErrorOptions {
  /** Details for programs: the file, the key, the sizes. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** Commands or edits that help, ready to copy. */
  readonly suggestions?: readonly string[] | undefined;
  readonly cause?: unknown;
}

/**
 * The only error class that users see. The message says where the problem is, and the expected and actual values. The code is stable and
 * determines the exit code.
 *
 * @example throw new SlmError("INPUT_MISSING", "distill: no such file: words.jsonl", { suggestions: ["slm data prepare"] })
 */
export class SlmError extends Error {
  /** The kind of failure. */
  readonly code: ErrorCode;
  /** Details for programs: the file, the key, the sizes. */
  readonly context: Readonly<Record<string, unknown>>;
  /** Commands or edits that help, ready to copy. */
  readonly suggestions: readonly string[];

  constructor(code: ErrorCode, message: string, options: SlmErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SlmError";
    this.code = code;
    this.context = options.context ?? {};
    this.suggestions = options.suggestions ?? [];
  }

  /** The process exit code for this error. */
  get exitCode(): number {
    return ERROR_EXIT[this.code];
  }
}
