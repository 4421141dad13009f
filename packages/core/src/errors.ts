/** The error class and its codes. Imports nothing else, so that `slm --help` starts fast. */
export { ERROR_EXIT, INTERRUPTED_EXIT, type ErrorCode } from "./codes.js";
export { SlmError, exitCodeOf, type SlmErrorOptions } from "./slm-error.js";
