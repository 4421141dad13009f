/** Types and helpers for job references and errors that do not load BullMQ or a Redis client. */
export { failureError } from "./queue/job-outcome.js";
export { fileRef } from "./storage/shared-files.js";
