/** The error class, its codes and the meaning of system errors. Imports nothing else, so that `slm --help` starts fast. */
export { ERROR_EXIT, INTERRUPTED_EXIT, type ErrorCode } from "./errors/codes.js";
export { failedWrite } from "./errors/file-error.js";
export { SlmError, type SlmErrorOptions } from "./errors/slm-error.js";
