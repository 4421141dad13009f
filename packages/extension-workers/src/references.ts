/** Types and helpers for job references and errors that do not load BullMQ, Redis or S3 clients. */
export { failureError } from "./queue/job-outcome.js";
export { fileRef } from "./storage/shared-files.js";
