/** The error class, its codes and the meaning of system errors. It imports nothing else, so that `slm --help` starts fast. */
export { ERROR_EXIT, INTERRUPTED_EXIT, type ErrorCode } from "./errors/codes.js";
export { failedWrite } from "./errors/file-error.js";
export { GateFailed } from "./errors/gate-failed.js";
export { shellWord } from "./errors/shell-word.js";
export { SlmError, type SlmErrorOptions } from "./errors/slm-error.js";
