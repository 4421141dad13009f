export { ERROR_EXIT, INTERRUPTED_EXIT, type ErrorCode } from "./codes.js";
export { SlmError, exitCodeOf, type SlmErrorOptions } from "./slm-error.js";
