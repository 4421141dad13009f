/**
 * slm as a library: the command line's work as functions. The functions do not print, handle signals or exit the process. They report
 * progress as events, stop if an `AbortSignal` fires, and throw errors.
 *
 * @module @encdec/slm
 */
import "./extensions/provide-library.js";

export * from "./library.js";
