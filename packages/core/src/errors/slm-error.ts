import { ERROR_EXIT, type ErrorCode } from "./codes.js";

export interface SlmErrorOptions {
  /** Facts a program may read: the file, the key, the sizes. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** Commands or edits that help, ready to paste. */
  readonly suggestions?: readonly string[] | undefined;
  readonly cause?: unknown;
}

/**
 * The one error class that users see. The message names the place, the expected and the actual value.
 * The code is stable and determines the exit code.
 *
 * @example throw new SlmError("INPUT_MISSING", "distill: no such file: words.jsonl", { suggestions: ["slm data prepare"] })
 */
export class SlmError extends Error {
  /** What kind of failure it is. */
  readonly code: ErrorCode;
  /** Facts a program may read: the file, the key, the sizes. */
  readonly context: Readonly<Record<string, unknown>>;
  /** Commands or edits that help, ready to paste. */
  readonly suggestions: readonly string[];

  constructor(code: ErrorCode, message: string, options: SlmErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SlmError";
    this.code = code;
    this.context = options.context ?? {};
    this.suggestions = options.suggestions ?? [];
  }

  /** The process exit code this error ends with. */
  get exitCode(): number {
    return ERROR_EXIT[this.code];
  }
}
