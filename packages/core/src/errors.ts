/** The error class, its codes and the meaning of system errors. Imports nothing else, so that `slm --help` starts fast. */
export { ERROR_EXIT, INTERRUPTED_EXIT, type ErrorCode } from "./codes.js";
export { failedWrite } from "./file-error.js";
export { SlmError, exitCodeOf, type SlmErrorOptions } from "./slm-error.js";
