/** What a command needs before it does anything: the error and its codes. Imports nothing, so that `slm --help` is quick. */
export { ERROR_EXIT, INTERRUPTED_EXIT, type ErrorCode } from "./codes.js";
export { SlmError, exitCodeOf, type SlmErrorOptions } from "./slm-error.js";
